package replica

import (
	"context"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/record"
)

// relieve clears the record's route, which names the sticky instance that serves the session from its memory (rule M9).
// It does so because this instance writes the session, and is not sticky. tellFormer tells the other one once the
// record is stored. (Both kinds of instances run while the mode is being changed.)
func (a *Access) relieve(next *record.Record) {
	if a.store.Route != "" || next.Route == "" {
		return
	}
	a.op.former, next.Route = next.Route, ""
}

// tellFormer tells the instance that relieve took the session from, if there is one, that it was taken over.
func (a *Access) tellFormer(ctx context.Context, stored *record.Record) {
	if a.op.former != "" && !stored.Tombstone {
		a.tell(ctx, a.op.former, mailbox.Message{Kind: mailbox.Taken, Version: stored.Version})
	}
	a.op.former = ""
}
