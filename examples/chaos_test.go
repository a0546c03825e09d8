package examples

import (
	"context"
	"flag"
	"sync"
	"testing"
	"time"
)

var (
	chaosTime = flag.Duration("chaos", 18*time.Second, "how long TestChaos plays, in all modes together")
	strict    = flag.Bool("strict", false, "hold TestChaos to its times, on a quiet machine")
)

// TestChaos: G1 to G3, G6 to G8 on real processes. Guests count, store, log in and out at two apps with three memcached
// servers, whose faults, and those of the apps, come in turn; each is repaired before the next one. What was acknowledged
// must be there, and nothing else.
func TestChaos(t *testing.T) {
	for i, mode := range chaosModes {
		t.Run(mode.name, func(t *testing.T) {
			timeout := time.Second
			if *strict {
				timeout = 250 * time.Millisecond
			}
			a := newArena(t, mode, 3, 2, timeout)
			defer a.report.stallMeter.stop()
			guests := a.unleash(16, *chaosTime/time.Duration(len(chaosModes)), 3*i)
			for _, g := range guests {
				g.finish()
			}
			t.Logf("%s\n%v", mode.name, a.report)
			a.judge()
		})
	}
}

// unleash has guests come while faults do, and waits for their end.
func (a *arena) unleash(n int, d time.Duration, first int) (guests []*guest) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	leaving, leave := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for i := range n {
		g := newGuest(a, i)
		guests = append(guests, g)
		all.Go(func() { g.run(leaving) })
	}
	time.Sleep(time.Second) // calm, to compare with
	a.play(ctx, first)
	leave()
	all.Wait()
	return guests
}

// judge compares the report with what is promised.
func (a *arena) judge() {
	for kind, list := range a.report.violations {
		for _, v := range list {
			a.t.Errorf("%s: %s", kind, v)
		}
	}
	figures := a.report.figures()
	if n := figures["node"].errors; n > 0 {
		a.t.Errorf("%d requests were answered 5xx in a node's fault", n)
	}
	limit := a.timeout + 50*time.Millisecond
	if slowest := figures["node"].beyondStalls; *strict && slowest > limit || slowest > 3*limit {
		a.t.Errorf("the slowest request took %v in a node's fault; the limit is %v", slowest, limit)
	}
	if before, after := figures["calm"].p99, figures["after"].p99; *strict && after > before*3/2 {
		a.t.Errorf("p99 %v after a node's fault, %v in calm", after, before)
	}
}
