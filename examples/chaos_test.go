package examples

import (
	"context"
	"flag"
	"sync"
	"testing"
	"time"
)

var (
	chaosTime = flag.Duration("chaos", 0, "how long TestChaos plays, in all modes together; zero: every fault once in each")
	strict    = flag.Bool("strict", false, "hold real processes to their times, too, on a quiet machine")
)

// TestChaos: G1 to G3, G6 to G8 on real processes. Guests count, store, log in and out at two apps with three memcached
// servers, whose faults, and those of the apps, come in turn; each is repaired before the next one. What was acknowledged
// must be there, and nothing else. Unless it is strict nothing is decided by time: a fault lasts until every guest has met
// it, and one operation has so long that only a node with a fault misses it.
func TestChaos(t *testing.T) {
	for i, mode := range chaosModes {
		if mode.async && !*strict {
			continue // what may be lost is told by time there
		}
		t.Run(mode.name, func(t *testing.T) {
			timeout, guests := 2*time.Second, 6
			if *strict {
				timeout, guests = 250*time.Millisecond, 16
			} else {
				t.Parallel() // they wait most of the time
			}
			a := newArena(t, mode, 3, 2, timeout)
			defer a.report.stallMeter.stop()
			a.unleash(guests, *chaosTime/time.Duration(len(chaosModes)), 3*i)
			for _, g := range a.guests {
				g.finish()
			}
			t.Logf("%s\n%v", mode.name, a.report)
			a.judge()
		})
	}
}

// unleash has guests come while faults do, and waits for their end.
func (a *arena) unleash(n int, d time.Duration, first int) {
	leaving, leave := context.WithCancel(context.Background())
	var all sync.WaitGroup
	defer all.Wait()
	defer leave()
	for i := range n {
		g := newGuest(a, i)
		a.guests = append(a.guests, g)
		all.Go(func() { g.run(leaving) })
	}
	a.calm()
	ends := time.Now().Add(d)
	a.play(first, func(played int) bool {
		if d == 0 {
			return played == len(nodeFaults)
		}
		return time.Now().After(ends)
	})
}

// judge compares the report with what is promised.
func (a *arena) judge() {
	for kind, list := range a.report.violations {
		for _, v := range list {
			a.t.Errorf("%s: %s", kind, v)
		}
	}
	figures := a.report.figures()
	for _, kind := range []string{"calm", "node", "after"} {
		if f := figures[kind]; f.errors > 0 {
			a.t.Errorf("%d requests were answered 5xx (%s): %q", f.errors, kind, f.said)
		}
	}
	if *strict {
		a.judgeTimes(figures)
	}
}

func (a *arena) judgeTimes(figures map[string]chaosFigures) {
	limit := a.timeout + 50*time.Millisecond
	if slowest := figures["node"].beyondStalls; slowest > limit {
		a.t.Errorf("the slowest request took %v in a node's fault; the limit is %v", slowest, limit)
	}
	if before, after := figures["calm"].p99, figures["after"].p99; after > before*3/2 {
		a.t.Errorf("p99 %v after a node's fault, %v in calm", after, before)
	}
}
