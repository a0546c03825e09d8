package repair

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/pace"
	"github.com/gomsm/msm/core/internal/record"
)

// TestARefillKeepsItsPace checks it for several rates.
func TestARefillKeepsItsPace(t *testing.T) {
	t.Parallel()
	for rate, want := range map[int]time.Duration{1: 100 * time.Second, 10: 10 * time.Second, 1000: 100 * time.Millisecond} {
		t.Run(fmt.Sprint(rate, " sessions a second"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, in := begin(t, 2, rate, 100, 1)
				took := in[0].refillTook()
				// The first batch does not wait, and nothing waits after the last one.
				portion := time.Duration(pace.New(rate).Portion()) * time.Second / time.Duration(rate)
				if took < want-portion-time.Millisecond || took > want {
					t.Errorf("took %v; want %v", took, want)
				}
				if n := has(w.servers[0], 100); n != 100 || in[0].refill().Healed != 100 {
					t.Errorf("%d of 100 sessions, %+v", n, in[0].refill())
				}
				in[0].stop()
			})
		})
	}
}

// TestARefillYieldsToRequests checks that a refill asks less of nodes that answer slowly.
func TestARefillYieldsToRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, in := begin(t, 2, 1000, 100, 1)
		for _, s := range w.servers {
			s.Fail(nodetest.Slow(5 * time.Millisecond))
		}
		if took := in[0].refillTook(); took < 2*time.Second || in[0].refill().Healed != 100 {
			t.Errorf("it took %v, %+v", took, in[0].refill())
		}
		in[0].stop()
	})
}

// TestOneInstanceRefills checks that the other instances wait, and learn when it is done.
func TestOneInstanceRefills(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, in := begin(t, 3, 100, 1000, 3)
		time.Sleep(time.Minute)
		working := 0
		for _, i := range in {
			s := i.refill()
			if s.State != Done || s.Ended.IsZero() {
				t.Errorf("%+v", s)
			}
			if s.Total > 0 {
				working++
				if s.Total != 1000 || s.Done != 1000 || s.Healed == 0 || i.lists() != 3 {
					t.Errorf("%+v, %d lists", s, i.lists())
				}
			} else if i.lists() != 0 {
				t.Error("an instance listed keys, and another one refilled")
			}
		}
		w.checkHealed(in[0], 1000)
		if working != 1 {
			t.Errorf("%d instances refilled", working)
		}
		w.instance() // a later one reads the checkpoint, and has nothing to do
		time.Sleep(time.Minute)
		for _, i := range in {
			i.stop()
		}
	})
}

// TestAnInstanceThatDiesInARefill checks that another instance resumes where the first one stopped.
func TestAnInstanceThatDiesInARefill(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		die  func(*instance)
		soon time.Duration
		done int // most sessions that are done twice: those since the last checkpoint
	}{
		"it was closed":  {func(in *instance) { in.stop() }, 2 * time.Second, 10},
		"it was cut off": {(*instance).cut, 8 * time.Second, 110},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const sessions = 1000
				w, in := begin(t, 2, 100, sessions, 2)
				var first, second *instance
				for first == nil {
					time.Sleep(10 * time.Millisecond)
					for i := range in {
						if in[i].refill().Done >= sessions/2 {
							first, second = in[i], in[1-i]
						}
					}
				}
				c.die(first)
				half := first.refill().Done
				died := time.Now()
				nodetest.Until(t, func() bool { return second.refill().State == Running })
				if took := time.Since(died); took > c.soon {
					t.Errorf("the other one began after %v; want %v", took, c.soon)
				}
				time.Sleep(time.Minute)
				s := second.refill()
				if s.State != Done || s.Total > sessions-half+c.done || s.Total < sessions-half-10 {
					t.Errorf("after %d of %d: %+v", half, sessions, s)
				}
				if n := has(w.servers[0], sessions); n != sessions {
					t.Errorf("%d of %d", n, sessions)
				}
				first.stop()
				second.stop()
			})
		})
	}
}

// TestANodeThatLeavesTheList checks that the copies on it are replaced, although no node has a new epoch.
func TestANodeThatLeavesTheList(t *testing.T) {
	t.Parallel()
	for at := range 3 {
		t.Run(fmt.Sprintf("n%d", at+1), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, in := begin(t, 3, 1000, 0, 2)
				time.Sleep(time.Minute)
				in[0].create(500)
				w.servers[at].Fail(off)
				for _, i := range in { // a rolling deploy: one instance after the other
					i.store.Cluster.Set(slices.Delete(slices.Clone(i.store.Cluster.Members()), at, at+1))
					time.Sleep(20 * time.Second)
				}
				w.servers[at].Restart(nil)
				w.checkHealed(in[0], 500)
				for _, i := range in {
					i.stop()
				}
			})
		})
	}
}

// TestARefillEndsWithItsNode checks that a refill stops when its node leaves the list.
func TestARefillEndsWithItsNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, in := begin(t, 3, 100, 500, 1)
		nodetest.Until(t, func() bool { return in[0].refill().Done > 0 })
		members := in[0].store.Cluster.Members()
		in[0].store.Cluster.Set(members[1:])
		time.Sleep(refillPoll + time.Millisecond)
		synctest.Wait()
		if p, there := in[0].refills.Progress(in[0].nodes[0]); there {
			t.Errorf("%+v", p)
		}
		at := has(w.servers[0], 500)
		time.Sleep(time.Minute)
		if n := has(w.servers[0], 500); n != at {
			t.Errorf("%d sessions more", n-at)
		}
		in[0].stop()
	})
}

// TestARefillWaitsForEveryone has an instance that learns of the epoch later, and until then writes the old one into
// records that nobody asks for again.
func TestARefillWaitsForEveryone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const sessions = 1000
		w, in := begin(t, 2, 1_000_000, 0, 1)
		time.Sleep(time.Minute)
		in[0].create(sessions)
		late := w.silent()
		old := in[0].nodes[0].Epoch()
		w.servers[0].Restart(nil)
		nodetest.Until(t, func() bool { return in[0].nodes[0].Epoch() != old })
		for i := range 300 { // milliseconds, the latest that a probe can be
			_, err := late.store.Open(token(i), "n1").Write(t.Context(), func(*record.Record) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Minute)
		w.checkHealed(in[0], sessions)
		in[0].stop()
	})
}
