package msm_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// TestAStoreOutlivesItsNodes checks that acknowledged values are there and deleted ones are not, whichever node dies.
func TestAStoreOutlivesItsNodes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		nodes  int
		during func(s *msmtest.Server) // called before half of the values change
		after  func(s *msmtest.Server)
		mended func(f *fleet, node string, after time.Time)
	}{
		"one of two dies and comes back empty":      {2, (*msmtest.Server).Kill, (*msmtest.Server).Restart, (*fleet).waitForRefill},
		"one of three dies and comes back empty":    {3, (*msmtest.Server).Kill, (*msmtest.Server).Restart, (*fleet).waitForRefill},
		"one of two hangs and comes back with all":  {2, (*msmtest.Server).Stop, (*msmtest.Server).Continue, (*fleet).waitForWhatIsOwed},
		"one of three hangs and comes back the old": {3, (*msmtest.Server).Stop, (*msmtest.Server).Continue, (*fleet).waitForWhatIsOwed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFleet(t, c.nodes)
			f.each(func(k string) {
				f.one.commit(k, "old", time.Hour)
				f.one.commit("gone"+k, "old", time.Hour)
			})
			check := func(want string) {
				t.Helper()
				f.each(func(k string) {
					f.one.want(k, want)
					f.two.want(k, want)
				})
			}
			c.during(f.servers["n1"])
			check("old")
			f.each(func(k string) {
				f.one.commit(k, "new", time.Hour)
				f.one.delete("gone" + k)
				f.two.commit("made"+k, "new", time.Hour)
			})
			check("new")
			began := time.Now()
			c.after(f.servers["n1"])
			f.waitUntilAllUp()
			check("new")
			f.each(func(k string) {
				f.one.want("made"+k, "new")
				f.two.wantNone("gone" + k)
				f.two.wantError("Commit", f.two.Commit("gone"+k, []byte("late"), time.Now().Add(time.Hour)), msm.ErrGone)
			})
			c.mended(f, "n1", began)
			healed(t, f.managers...)
			check("new") // a repair may have moved what the other instance knew
			healed(t, f.managers...)
			waitFor(t, "looks at one node each, for all are known", func() bool {
				before := f.fullLoads() // of values that are still repaired, too
				check("new")
				return f.fullLoads() == before
			})
			f.servers["n2"].Kill()
			check("new")
			f.each(func(k string) { f.two.wantNone("gone" + k) })
		})
	}
}

// TestAShortLifeAfterALongOne checks that the copy of a long-lived value, on a node that was away, does not come back.
func TestAShortLifeAfterALongOne(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 3)
	f.each(func(k string) { f.one.set(k, "long", time.Hour) })
	f.servers["n1"].Stop()
	f.each(func(k string) { f.one.set(k, "short", time.Second) })
	f.servers["n1"].Continue()
	f.waitUntilAllUp()
	waitForWhatIsOwed(t, f.managers...)
	time.Sleep(3500 * time.Millisecond) // memcached's clock is coarse, and records outlive their time by 2 s
	f.each(func(k string) {
		f.one.wantNone(k)
		f.two.wantNone(k)
	})
}

// TestAStoreUnderFaults checks that the one writer of each key sees what it wrote, whichever node fails meanwhile. With
// three nodes and one fault at a time nothing may fail.
func TestAStoreUnderFaults(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 3)
	waitForFirstRefills(t, f.managers...)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	rounds := make([]atomic.Int64, 8)
	for i := range rounds {
		s := []shelf{f.one, f.two}[i%2]
		writers.Go(func() { s.follow(fmt.Sprint("k", i), &rounds[i], stop) })
	}
	for _, fault := range []struct {
		node         string
		begins, ends func(*msmtest.Server)
		mended       func(f *fleet, node string, after time.Time)
	}{
		{"n1", (*msmtest.Server).Kill, (*msmtest.Server).Restart, (*fleet).waitForRefill},
		{"n2", (*msmtest.Server).Stop, (*msmtest.Server).Continue, (*fleet).waitForWhatIsOwed},
		{"n3", (*msmtest.Server).Kill, (*msmtest.Server).Restart, (*fleet).waitForRefill},
	} {
		waitForRounds(t, rounds, 8)
		began := time.Now()
		fault.begins(f.servers[fault.node])
		waitForRounds(t, rounds, 8)
		fault.ends(f.servers[fault.node])
		fault.mended(f, fault.node, began) // before that another fault would be a second one
	}
	close(stop)
	writers.Wait()
}

// follow writes a key again and again, deletes it now and then, and reads it after each.
func (s shelf) follow(key string, rounds *atomic.Int64, stop <-chan struct{}) {
	for n := 1; ; n++ {
		select {
		case <-stop:
			s.t.Logf("%s: %d rounds", key, n)
			return
		default:
		}
		if n%7 == 0 {
			s.delete(key)
			s.wantNone(key)
		} else {
			s.set(key, fmt.Sprint(n), time.Hour)
			s.want(key, fmt.Sprint(n))
		}
		rounds.Add(1)
		time.Sleep(10 * time.Millisecond)
	}
}

func TestStoreTroubleIsNotAbsence(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 2)
	f.one.commit("k", "a", time.Minute)
	f.servers["n1"].Kill()
	f.servers["n2"].Kill()
	_, found, err := f.one.Find("k")
	f.one.wantError("Find", err, msm.ErrUnavailable)
	if b, err := f.one.Get("k"); b != nil || found || !errors.Is(err, msm.ErrUnavailable) {
		t.Errorf("%q, %v, %v", b, found, err)
	}
	f.one.wantError("Commit", f.one.Commit("k", nil, time.Now().Add(time.Hour)), msm.ErrUnavailable)
	f.one.wantError("Set", f.one.Set("k", []byte("a"), 0), msm.ErrUnavailable)
	f.one.wantError("Delete", f.one.Delete("k"), msm.ErrUnavailable)
}
