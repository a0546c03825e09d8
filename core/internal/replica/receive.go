package replica

import (
	"context"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/sid"
)

// Receive does what a message about a session asks for, because its sender could not do it everywhere: mailbox.Ended has
// the session's tombstone written over older copies, mailbox.End ends the session. Other kinds concern only instances
// that hold the session in memory. at is the id of the node on which the message was read. A session that is gone is no
// error.
func (s *Store) Receive(ctx context.Context, m mailbox.Message, at string) error {
	a := s.OpenKey(m.Session.Key(s.KeyPrefix, sid.Record), at)
	a.looks.readAll = true
	switch m.Kind {
	case mailbox.Ended:
		return a.end(ctx)
	case mailbox.End:
		return unlessGone(a.Destroy(ctx, nil))
	}
	return nil
}

// end writes the session's tombstone, if there is one, over older copies.
func (a *Access) end(ctx context.Context) error {
	d, err := a.look(ctx)
	if err == nil && d.Rec.Tombstone {
		a.bury(ctx, d.Rec)
	}
	return unlessGone(err)
}
