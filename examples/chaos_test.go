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

// ample is how long an operation may take unless times are judged. It is shorter than any halt, and longer than a busy
// machine needs to run the app, a proxy and a memcached in turn. (2 s were too short beside 16 busy loops.)
const ample = 10 * time.Second

// TestChaos checks G1 to G3 and G6 to G8 on real processes. Guests count, store, log in and log out at two apps with
// three memcached servers. The faults of the servers and of the apps come in turn, and each is repaired before the next
// one. What was acknowledged must be there, and nothing else. Unless -strict is set, time decides nothing: a fault
// lasts until every guest has met it, and the timeout of an operation is so long that only a node with a fault exceeds
// it.
func TestChaos(t *testing.T) {
	for i, mode := range chaosModes {
		if mode.async && !*strict {
			continue // only times tell what may be lost there
		}
		t.Run(mode.name, func(t *testing.T) {
			timeout, guests := ample, 6
			if *strict {
				timeout, guests = 250*time.Millisecond, 16
			} else {
				t.Parallel() // they wait most of the time
			}
			a := newArena(t, mode, 3, 2, timeout)
			defer a.report.stallMeter.stop()
			a.unleash(guests, func() { a.playFaults(*chaosTime/time.Duration(len(chaosModes)), 3*i) })
			if a.judge(); *strict {
				a.judgeTimes(a.report.figures())
			}
		})
	}
}

// unleash has n guests come while something is played, and checks what they have in the end.
func (a *arena) unleash(n int, play func()) {
	leaving, leave := context.WithCancel(context.Background())
	var all sync.WaitGroup
	defer func() {
		leave()
		all.Wait()
		for _, g := range a.guests {
			g.finish()
		}
	}()
	for i := range n {
		g := newGuest(a, i)
		a.guests = append(a.guests, g)
		all.Go(func() { g.run(leaving) })
	}
	a.calm()
	play()
}

// playFaults plays faults for that time; with a time of zero, each fault of a node once.
func (a *arena) playFaults(d time.Duration, first int) {
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
	a.t.Logf("%s\n%v", a.mode.name, a.report)
	for kind, list := range a.report.violations {
		for _, v := range list {
			a.t.Errorf("%s: %s", kind, v)
		}
	}
	kinds := []string{"calm", "node", "after", "change"}
	if *strict {
		kinds = append(kinds, "instance")
	}
	figures := a.report.figures()
	for _, kind := range kinds {
		if f := figures[kind]; f.errors > 0 {
			a.t.Errorf("%d requests were answered 5xx (%s): %q", f.errors, kind, f.said)
		}
	}
}

// judgeTimes checks the times of requests during and after a node's fault.
func (a *arena) judgeTimes(figures map[string]chaosFigures) {
	limit := a.timeout + 50*time.Millisecond
	if slowest := figures["node"].beyondStalls; slowest > limit {
		a.t.Errorf("the slowest request took %v in a node's fault; the limit is %v", slowest, limit)
	}
	if before, after := figures["calm"].p99, figures["after"].p99; after > before*3/2 {
		a.t.Errorf("p99 %v after a node's fault, %v in calm", after, before)
	}
}
