package msm

import (
	"context"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAClientThatLeavesDuringTheLoad checks that the handler still sees that client's session.
func TestAClientThatLeavesDuringTheLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		v := newTabs(t, w, Config{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, server := range w.servers {
			server.Fail(func(of context.Context, op nodetest.Op, do func() error) error {
				if reads := nodetest.Reads("msm:s:"); reads(op) && ctx.Err() == nil {
					cancel()
					return of.Err()
				}
				return do()
			})
		}
		client := visitor{id: v.id}
		client.send(v.m[1], httptest.NewRequestWithContext(ctx, "GET", "/", nil), func(s *Session) {
			if n, there, err := Lookup[int](s, "n"); !there || err != nil || ctx.Err() == nil {
				t.Errorf("%d, %v, %v; the client: %v", n, there, err, ctx.Err())
			}
		})
	})
}
