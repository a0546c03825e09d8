package examples

import (
	"flag"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

var only = flag.String("scenario", "", "TestChaosChanges plays only those whose name contains it")

// scenario is something that goes on for longer than a fault of TestChaos, or that is no fault but takes its time.
type scenario struct {
	name  string
	brief bool // cheap enough to be played without -chaos
	open  bool // it finds something that is not fixed yet, and is played only by its name
	play  func(a *arena)
}

// due reports whether the scenario is to be played.
func (s *scenario) due() bool {
	if *only != "" {
		return strings.Contains(s.name, *only)
	}
	return !s.open && (s.brief || *chaosTime > 0)
}

var scenarios = slices.Concat(listChanges, rollingChanges, []scenario{
	{name: "requests that take 66 s, and logouts and logins meanwhile", brief: true, play: func(a *arena) { a.longRequests(66 * time.Second) }},
	{name: "an instance is halted for 12 s", brief: true, play: func(a *arena) { a.halt(a.apps[0], 12*time.Second) }},
	{name: "an instance is halted for 65 s", play: func(a *arena) { a.halt(a.apps[1], 65*time.Second) }},
})

// TestChaosChanges checks G1 to G3, G6, G8 and G10 on real processes, as TestChaos does. Lists of nodes, modes, keys
// and transcoders change by restarting one instance after the other (a rolling deploy), instances stand still for long,
// and requests take long. These come one at a time, with guests all the while. All modes play side by side, because
// most of it is waiting.
func TestChaosChanges(t *testing.T) {
	for i, mode := range chaosModes {
		if mode.async && *chaosTime == 0 {
			continue
		}
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			timeout := ample
			if *strict {
				timeout = 250 * time.Millisecond
			}
			a := newArena(t, mode, 3, 2, timeout)
			defer a.report.stallMeter.stop()
			a.unleash(6, func() { a.playScenarios(i * len(scenarios) / len(chaosModes)) })
			a.judge()
		})
	}
}

// playScenarios plays the scenarios in turn until the time is over and each was played. Without a time it plays each
// brief one once.
func (a *arena) playScenarios(first int) {
	ends := time.Now().Add(*chaosTime)
	for i := first; i < first+len(scenarios) || time.Now().Before(ends); i++ {
		s := scenarios[i%len(scenarios)]
		if !s.due() {
			continue
		}
		a.scenario, a.graves = s.name, nil
		s.play(a)
		a.calm()
		a.report.plays(s.name)
	}
}

// during lets something last: for that time or, without -chaos, until the guests have met it.
func (a *arena) during(d time.Duration, halted *arenaApp) {
	began := time.Now()
	a.everyone(4, halted)
	if *chaosTime > 0 {
		time.Sleep(time.Until(began.Add(d)))
	}
}

// roll restarts one app after the other with the present list of nodes and settings. While the apps differ, sessions
// pass by. After each restart sleepers begin at the apps that sleepsAt returns.
func (a *arena) roll(sleepsAt func(newest *arenaApp) []*arenaApp) {
	a.t.Helper()
	end := a.report.begin("change", a.scenario)
	leaving := a.begin("who leaves after "+a.scenario, a.apps...)
	for _, app := range a.apps {
		a.service(app, false)
		app.terminate()
		a.startApp(app)
		a.hold(nil)
		a.passBy()
		a.sleepers = append(a.sleepers, a.begin("who sleeps in "+a.scenario, sleepsAt(app)...)...)
	}
	for i, s := range leaving {
		s.logout(a.apps[i%len(a.apps)])
	}
	end()
	a.graves = append(a.graves, leaving...)
	a.repaired()
	for _, s := range a.graves {
		for _, app := range a.apps {
			s.isGone(app)
		}
	}
}

func (a *arena) anywhere(*arenaApp) []*arenaApp { return a.apps }

func newest(app *arenaApp) []*arenaApp { return []*arenaApp{app} }

// begin has sessions begin at each of the apps.
func (a *arena) begin(name string, apps ...*arenaApp) (all []*account) {
	for range manySessions {
		for _, app := range apps {
			all = append(all, a.newAccount(name+", of "+app.route, app))
		}
	}
	return all
}

// rollWith changes settings step by step, and rolls out each step.
func (a *arena) rollWith(steps ...settings) {
	a.t.Helper()
	for _, step := range steps {
		maps.Copy(a.env, step)
		a.roll(a.anywhere)
		a.wake()
	}
}

// passBy has sessions begin at each app, go on at each, log in there, and end there.
func (a *arena) passBy() {
	for _, from := range a.apps {
		for _, to := range a.apps {
			s := a.newAccount(from.route+" to "+to.route+" in "+a.scenario, from)
			s.count(to)
			s.has(from)
			s.login(to)
			s.isGone(from)
			s.has(from)
			s.count(from)
			s.has(to)
			s.logout(to)
			for _, app := range a.apps {
				s.isGone(app)
			}
			a.graves = append(a.graves, s)
		}
	}
}

const manySessions = 8 // so that each node is the home (primary) of some

// wake checks whether the sleepers still have everything.
func (a *arena) wake() {
	for i, s := range a.sleepers {
		s.has(a.apps[i%len(a.apps)])
	}
	a.sleepers = nil
}

// soon waits until is returns true, which should be so at once, or a moment later; see docs/guarantees.md, old cookies.
// With -strict that moment is a second, otherwise a time in which it comes true if it ever does. In a scenario in which
// one wait was in vain the next ones are short.
func (a *arena) soon(what string, is func() bool, otherwise func()) {
	limit, began := patience, time.Now()
	if *strict || a.vain == a.scenario {
		limit = time.Second
	}
	if is() {
		return
	}
	for !is() {
		if time.Since(began) > limit {
			a.vain = a.scenario
			otherwise()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	a.report.late(what, time.Since(began))
}
