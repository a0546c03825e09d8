package msm

import (
	"context"
	"sync"

	"github.com/gomsm/msm/core/internal/sid"
)

// mourn has a session end that the client's id names and this instance has not found, where others may have it: on a node which
// is not in the list here, while the list is being changed, or in memory, for what a request has made may be stored later.
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
