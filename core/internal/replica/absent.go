package replica

import (
	"context"
	"slices"

	"github.com/gomsm/msm/core/internal/quorum"
)

// confirmAbsence confirms that there is no session, by asking the home once more if that may tell (rule C17).
func (a *Access) confirmAbsence(ctx context.Context, seen quorum.Copies) (quorum.Copies, error) {
	switch verdict := a.view(seen).Absence(); verdict {
	case quorum.AskAgain:
	case quorum.Away:
		return nil, a.errorOf(verdict, "")
	default:
		return nil, a.errorOf(verdict, mayLack)
	}
	home, known := a.store.Cluster.Node(a.node)
	if !known {
		return nil, ErrNoSession
	}
	got := a.ask(ctx, home, false)
	if err := a.note(home, got); err != nil {
		return nil, err
	}
	switch {
	case !got.answered && a.store.Backups > 0:
		return a.withoutHome(ctx)
	case !got.answered:
		return nil, a.unavailable(ErrUnavailable, "the others may lack a session that it has")
	case got.Rec == nil && got.Token != 0:
		return nil, a.damaged()
	case got.Rec == nil:
		return nil, ErrNoSession
	}
	seen[slices.IndexFunc(seen, func(c quorum.CopyState) bool { return c.Node == a.node })] = got.CopyState
	return seen, nil
}

// withoutHome confirms that there is no session by asking the other nodes again: if the home has it by now, one of them
// has it as well.
func (a *Access) withoutHome(ctx context.Context) (quorum.Copies, error) {
	seen, err := a.askOthers(ctx, nil)
	if err != nil {
		return nil, err
	}
	return seen, a.errorOf(a.view(seen).AbsenceWithoutHome(), mayLack)
}
