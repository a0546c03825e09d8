package repair

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestServersThatCannotBeListed checks that a refill does what it can, and reports the rest.
func TestServersThatCannotBeListed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys func(n int) error // the result of the n-th list of n2
		want State
	}{
		"its crawler is at work for a moment": {func(n int) error {
			if n < 3 {
				return memcache.ErrCrawling
			}
			return nil
		}, Done},
		"its crawler is at work for long": {func(n int) error {
			if n < 300 {
				return memcache.ErrCrawling
			}
			return nil
		}, Done},
		"the list breaks off once": {func(n int) error {
			if n == 1 {
				return nodetest.ErrOff
			}
			return nil
		}, Done},
		"it never lists":             {func(int) error { return memcache.ErrNoList }, Unlisted},
		"the list always breaks off": {func(int) error { return nodetest.ErrOff }, Waiting},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, in := begin(t, 3, 1000, 300, 1)
				n := 0
				w.servers[1].Fail(nodetest.Only(nodetest.Of(nodetest.List), func(_ context.Context, _ nodetest.Op, do func() error) error {
					n++
					if err := c.keys(n); err != nil {
						return err
					}
					return do()
				}))
				time.Sleep(3 * time.Minute)
				s := in[0].refill()
				if s.State != c.want || s.State == Done && s.Total != 300 {
					t.Errorf("%+v", s)
				}
				switch c.want {
				case Done:
					w.checkHealed(in[0], 300)
				case Unlisted: // about a third of the sessions each is on n1 and n2, n1 and n3, n2 and n3
					if has := has(w.servers[0], 300); has < 50 || has > 150 || s.Healed != has {
						t.Errorf("%d sessions, %+v", has, s)
					}
				}
				in[0].stop()
			})
		})
	}
}

// TestARefillListsTheNodeItself has sessions whose other copy was lost while the node was away, so only the node itself
// has them.
func TestARefillListsTheNodeItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, in := begin(t, 2, 1000, 0, 1)
		time.Sleep(time.Minute)
		in[0].create(100)
		w.servers[0].Fail(off)
		time.Sleep(time.Second)
		w.servers[1].Restart(nil)
		time.Sleep(time.Minute)
		w.servers[0].Fail(nil)
		time.Sleep(time.Minute)
		w.checkHealed(in[0], 100)
		in[0].stop()
	})
}
