package examples

import (
	"syscall"
	"time"

	"github.com/gomsm/msm/core/msmtest"
)

// nodeFaults are the faults of one node, and how each ends. at is one of the apps, for a fault on its side only.
var nodeFaults = []struct {
	name       string
	begin, end func(n *arenaNode, at int)
}{
	{"killed, and restarted empty", func(n *arenaNode, _ int) { n.server.Kill() }, func(n *arenaNode, _ int) { n.server.Restart() }},
	{"stopped, and continued", func(n *arenaNode, _ int) { n.server.Stop() }, func(n *arenaNode, _ int) { n.server.Continue() }},
	{"cut off from one instance", func(n *arenaNode, at int) { n.proxies[at].Set(msmtest.BlackHole) }, func(n *arenaNode, at int) { n.proxies[at].Set(msmtest.NoFault) }},
	{"delay", everywhere(msmtest.Delay), everywhere(msmtest.NoFault)},
	{"black hole", everywhere(msmtest.BlackHole), everywhere(msmtest.NoFault)},
	{"drip", everywhere(msmtest.Drip), everywhere(msmtest.NoFault)},
	{"reset", everywhere(msmtest.Reset), everywhere(msmtest.NoFault)},
	{"truncate", everywhere(msmtest.Truncate), everywhere(msmtest.NoFault)},
	{"corrupt", everywhere(msmtest.Corrupt), everywhere(msmtest.NoFault)},
}

// everywhere sets a fault on the proxies of all apps.
func everywhere(f msmtest.Fault) func(*arenaNode, int) {
	return func(n *arenaNode, _ int) {
		for _, p := range n.proxies {
			p.Set(f)
		}
	}
}

// instanceFaults are the faults of one app. At the end of each there is an app that serves again.
var instanceFaults = []struct {
	name string
	play func(a *arena, app *arenaApp)
}{
	{"SIGKILL", func(a *arena, app *arenaApp) {
		kill(app.process, syscall.SIGKILL)
		a.service(app, false) // its balancer sees the connections break
		a.hold(nil)
		a.startApp(app)
	}},
	{"SIGTERM", func(a *arena, app *arenaApp) {
		a.service(app, false)
		app.terminate()
		a.startApp(app)
	}},
	{"SIGSTOP, SIGCONT", func(a *arena, app *arenaApp) {
		kill(app.process, syscall.SIGSTOP)
		a.service(app, false) // at once, so that others take over what it has not stored yet
		a.hold(app)
		a.service(app, true) // first: what it answers late is newer than what another instance could know
		kill(app.process, syscall.SIGCONT)
	}},
}

// play plays faults in turn, of a node and of an instance, until over returns true. If every fault is to come once,
// those of the instances come after the first ones of nodes.
func (a *arena) play(first int, over func(played int) bool) {
	for i := first; !over(i - first); i++ {
		fault, n, at := nodeFaults[i%len(nodeFaults)], a.nodes[i%len(a.nodes)], i%len(a.apps)
		end := a.report.begin("node", fault.name)
		fault.begin(n, at)
		a.hold(nil)
		fault.end(n, at)
		end()
		a.repaired()
		if *chaosTime == 0 && i-first >= len(instanceFaults) {
			continue
		}
		mishap := instanceFaults[i%len(instanceFaults)]
		end = a.report.begin("instance", mishap.name)
		mishap.play(a, a.apps[(i/2)%len(a.apps)])
		end()
		a.repaired()
	}
}

// hold lets a fault last until every guest has met it, except those that wait for an app that is halted. With -strict
// it lasts longer than the requests that wait for the fault.
func (a *arena) hold(halted *arenaApp) {
	if *strict {
		time.Sleep(a.timeout + 300*time.Millisecond)
		return
	}
	a.everyone(4, halted)
}

// calm lets some time pass without a fault, to compare with.
func (a *arena) calm() {
	if *strict {
		time.Sleep(time.Second)
		return
	}
	a.everyone(8, nil)
}
