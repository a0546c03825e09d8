package examples

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// halt has an app stand still while requests of many sessions are in it. Elsewhere these sessions go on, or end. What
// the app does with its requests when it goes on must not undo that, nor do anything twice.
func (a *arena) halt(app *arenaApp, d time.Duration) {
	other := a.apps[0]
	if app == other {
		other = a.apps[1]
	}
	var all []*account
	for i := range haltedAccounts {
		all = append(all, a.newAccount(fmt.Sprintf("halted %d", i), app))
	}
	stop, wait := a.busy(all, app)
	end := a.report.begin("instance", a.scenario)
	kill(app.process, syscall.SIGSTOP)
	stop()
	a.service(app, false)
	for i, s := range all {
		for range countsMeanwhile {
			s.count(other)
		}
		if i%2 == 0 {
			s.logout(other)
		}
	}
	a.during(d, app)
	a.service(app, true) // first: what it answers late is newer than what another instance could know
	kill(app.process, syscall.SIGCONT)
	for _, s := range all {
		s.isGone(app)
	}
	wait()
	end()
	for _, s := range all {
		for _, at := range a.apps {
			s.isGone(at)
			if !s.over {
				s.has(at)
			}
		}
	}
	a.repaired()
}

const (
	haltedAccounts  = 8
	countsMeanwhile = 70 // more requests than a record remembers
)

// busy has two requests of each account under way at an app, until stop is called. wait waits for the last answers.
// busy returns once each account has had some.
func (a *arena) busy(all []*account, app *arenaApp) (stop, wait func()) {
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	for _, s := range all {
		for range 2 {
			done.Go(func() {
				for ctx.Err() == nil {
					s.count(app)
				}
			})
		}
	}
	for _, s := range all {
		eventually(a.t, s.name+" counts", func() bool { return s.counts() > 6 })
	}
	return stop, done.Wait
}
