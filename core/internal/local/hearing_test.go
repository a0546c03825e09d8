package local_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// halt halts the instance for that time: none of its operations ends before. Then each returns the error late or, if
// that is nil, what the node has answered before. meanwhile runs while the instance is halted.
func (a *instance) halt(d time.Duration, late error, meanwhile func()) {
	over := time.Now().Add(d)
	for _, way := range a.ways {
		way.Fail(func(_ context.Context, _ nodetest.Op, do func() error) error {
			err := do()
			time.Sleep(time.Until(over))
			return errors.Join(err, late)
		})
	}
	time.Sleep(time.Second / 2) // until its probers are in the midst of a probe
	meanwhile()
	time.Sleep(time.Until(over))
	for _, way := range a.ways {
		way.Fail(nil)
	}
}

// TestWhoStoodStillBelievesNothing checks G6 for an instance that was halted. It has not heard what others did to the
// sessions in its memory. A request may ask it for such a session before its next look at the nodes, and the messages
// may be gone by then.
func TestWhoStoodStillBelievesNothing(t *testing.T) {
	for name, halted := range map[string]time.Duration{
		"a little": 2 * time.Second, "for a while": 12 * time.Second, "longer than messages stay": 90 * time.Second,
	} {
		for what, do := range map[string]func(s *session) error{
			"a logout": func(s *session) error { return s.Destroy(context.Background()) },
			"a change": func(s *session) error { return change(s, plus("n", 1)) },
		} {
			for when, wait := range map[string]time.Duration{"at once": 0, "a moment later": 40 * time.Millisecond, "later": 5 * time.Second} {
				for end, late := range map[string]error{"with everything late": memcache.ErrLate, "with answers from before": nil} {
					t.Run(name+", "+what+", "+when+", "+end, func(t *testing.T) {
						inWorld(t, 3, 1, func(w *world) {
							a, b := w.start(local.Config{Route: "a", Sync: true}), w.start(local.Config{Route: "b", Sync: true})
							s := a.begin("t")
							settle()
							a.halt(halted, late, func() {
								taken, err := b.TakeOver(context.Background(), "t", nodeOf(s), "a")
								b.must(err)
								b.must(do(taken))
							})
							time.Sleep(wait)
							var err error
							held := a.Get("t")
							if held == nil {
								held, err = a.Load(context.Background(), "t", nodeOf(s))
							} else if held.Doubtful(time.Now()) {
								held, err = a.Confirm(context.Background(), held)
							}
							switch ended := what == "a logout"; {
							case ended && err == nil:
								t.Errorf("it is served, with n = %s", value(held, "n"))
							case ended && !errors.Is(err, replica.ErrNoSession) && !errors.Is(err, replica.ErrUnavailable),
								!ended && err != nil && !errors.Is(err, replica.ErrUnavailable):
								t.Error(err)
							case !ended && err == nil && value(held, "n") != "2":
								t.Errorf("n = %s; want 2", value(held, "n"))
							}
						})
					})
				}
			}
		}
	}
}

// TestWhoStoodStillBesideDeadNodes: an instance stands still for a moment, and the nodes of a session have died. Nobody else has
// the session any more: it is not lost from the memory of the instance.
func TestWhoStoodStillBesideDeadNodes(t *testing.T) {
	for name, backups := range map[string]int{"without backups": 0, "with one": 1} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, backups, func(w *world) {
				a := w.start(local.Config{Route: "a"})
				s := a.begin("t")
				settle()
				for _, c := range w.stored(nodeOf(s), "t").Copies {
					w.servers[c.Node].Fail(off)
				}
				time.Sleep(2 * time.Second)
				a.halt(2*time.Second, memcache.ErrLate, func() {})
				began := time.Now()
				held, err := a.Hold(context.Background(), sid.ID{Token: "t", Node: nodeOf(s), Route: "a"})
				if err != nil || held != a.Get("t").Session {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			})
		})
	}
}

// TestWithoutANodeNothingIsDoubted checks that sessions in memory are not doubted while no node is available: there is
// nobody to ask, and memory is all there is.
func TestWithoutANodeNothingIsDoubted(t *testing.T) {
	inWorld(t, 2, 1, func(w *world) {
		a := w.start(local.Config{Route: "a", Sync: true})
		s := a.begin("t")
		w.all(off)
		time.Sleep(time.Minute)
		if s.Doubtful(time.Now()) {
			t.Error("it is doubted while no node is available")
		}
	})
}

// TestWhatIsHeardIsBelieved checks that no session costs a look at the nodes as long as messages are read.
func TestWhatIsHeardIsBelieved(t *testing.T) {
	inWorld(t, 2, 1, func(w *world) {
		a := w.start(local.Config{Route: "a", Sync: true})
		s := a.begin("t")
		for range 100 {
			time.Sleep(333 * time.Millisecond)
			if s.Doubtful(time.Now()) {
				t.Fatal("it is doubted")
			}
		}
	})
}
