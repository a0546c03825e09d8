package replica

import (
	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
)

// wreck returns what a Destroy starts from if all copies of the session are damaged: see quorum.Wreck.
func (a *Access) wreck() *quorum.Decision {
	now := a.store.Clock()
	return quorum.Wreck(&record.Record{Created: now, LastAccess: now, IdleTimeout: a.store.IdleTime}, a.seen, a.node)
}
