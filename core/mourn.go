package msm

import (
	"context"
	"sync"

	"github.com/gomsm/msm/core/internal/sid"
)

// mourn asks other instances to end the sessions that the client's ids name, for a logout or login whose session this
// instance has not found. Another instance may have the session: on a node that is not in this instance's list, while
// the lists are being changed, or in its memory, if the session has just begun and is not stored yet.
func (s *Session) mourn(ctx context.Context) {
	s.mourns = false
	ids := []sid.ID{s.exchange.clientID}
	for _, c := range s.exchange.claims {
		ids = append(ids, c.id)
	}
	var all sync.WaitGroup
	for _, id := range ids {
		if !id.IsZero() {
			all.Go(func() { s.manager.store.Open(id.Token, id.Node).Mourn(ctx, id.Route) })
		}
	}
	all.Wait()
}
