package msm_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestWhoDoesNotWaitForAnswers: T-19. A client sends 3,000 writes of one session within 3 s, and leaves each after 100 ms. Its nodes
// are 5 ms away, so that they cannot keep up. No more requests wait for their turn than may, the last one ends soon after
// the client has gone, and what is counted is what was answered well.
func TestWhoDoesNotWaitForAnswers(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]msm.Config{
		"non-sticky": {},
		"sticky":     {Sticky: true, Backups: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 2)
				for _, s := range w.servers {
					s.slow(5 * time.Millisecond)
				}
				m := w.manager(config)
				id := begin(t, m, addOne)
				time.Sleep(5 * time.Second)
				var sent sync.WaitGroup
				var stored, running atomic.Int64
				for range 3000 {
					sent.Go(func() {
						running.Add(1)
						defer running.Add(-1)
						ctx, leave := context.WithTimeout(t.Context(), 100*time.Millisecond)
						defer leave()
						if visitWithin(ctx, m, id, addOne).StatusCode == 200 {
							stored.Add(1)
						}
					})
					time.Sleep(time.Millisecond)
					if n := running.Load(); n > 300 {
						t.Fatalf("%d requests run", n)
					}
				}
				gone := time.Now()
				sent.Wait()
				if took := time.Since(gone); took > 11*time.Second {
					t.Errorf("the last request ended %v after the client had gone", took)
				}
				refused := int64(m.Stats().Refusals.Busy)
				if refused == 0 || stored.Load()+refused != 3000 {
					t.Errorf("%d were stored and %d refused, of 3,000", stored.Load(), refused)
				}
				counts(t, m, id, 1+int(stored.Load()))
			})
		})
	}
}

// TestSlowNodesAreWaitedFor: rule W17. Where an operation may take a second, those who write one session wait for each other
// for longer than 10 s.
func TestSlowNodesAreWaitedFor(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]msm.Config{
		"non-sticky":   {},
		"sticky, sync": {Sticky: true, Backups: 1, BackupSync: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 2)
				for _, s := range w.servers {
					s.slow(300 * time.Millisecond)
				}
				config.OpTimeout = time.Second
				m := w.manager(config)
				id := begin(t, m, addOne)
				time.Sleep(5 * time.Second)
				began := time.Now()
				parallel(30, func(i int) {
					resp := visit(m, id, func(s *msm.Session) { s.Set(fmt.Sprint("a", i), i); s.Delete(fmt.Sprint("a", i)); add(s) })
					if resp.StatusCode != 200 {
						t.Errorf("after %v: %d", time.Since(began), resp.StatusCode)
					}
				})
				if took := time.Since(began); took < 12*time.Second {
					t.Errorf("it took %v only: nobody had to wait", took)
				}
				counts(t, m, id, 31)
			})
		})
	}
}

// visitWithin is visit for a client that leaves when ctx ends.
func visitWithin(ctx context.Context, m *msm.Manager, id string, f func(*msm.Session)) *http.Response {
	return exchange(m.Middleware(handlerOf(f)), "POST", "/", func(r *http.Request) {
		withCookie("SESSION=" + id)(r)
		*r = *r.WithContext(ctx)
	})
}
