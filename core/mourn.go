package msm

import (
	"context"
	"sync"

	"github.com/gomsm/msm/core/internal/sid"
)

// mourn has a session end that the client's id names and this instance has not found, where that names a node which is not in its
// list: while the list is being changed others may have the node.
func (s *Session) mourn(ctx context.Context) {
	s.mourns = false
	ids := []sid.ID{s.exchange.clientID}
	for _, c := range s.exchange.claims {
		ids = append(ids, c.id)
	}
	var all sync.WaitGroup
	for _, id := range ids {
		if !id.IsZero() {
			all.Go(func() { s.manager.store.Open(id.Token, id.Node).Mourn(ctx) })
		}
	}
	all.Wait()
}
