package examples

import (
	"syscall"
	"time"

	"github.com/gomsm/msm/core/msmtest"
)

// nodeFaults are what happens to one node, and how it ends. at is one of the apps, for a fault on its side only.
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

func everywhere(f msmtest.Fault) func(*arenaNode, int) {
	return func(n *arenaNode, _ int) {
		for _, p := range n.proxies {
			p.Set(f)
		}
	}
}

// instanceFaults are what happens to one app. Each ends with one that serves again.
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
		a.service(app, true) // first: what it answers late is younger than what another instance could know of
		kill(app.process, syscall.SIGCONT)
	}},
}

// play has faults come in turn, of a node and of an instance, until it is over. If every fault is to come once, those of
// instances come after the first nodes' ones.
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

// hold lets a fault last until it was met: by every guest, but those who wait for an app that is halted. If it is strict, by
// those requests too that wait for it.
func (a *arena) hold(halted *arenaApp) {
	if *strict {
		time.Sleep(a.timeout + 300*time.Millisecond)
		return
	}
	a.everyone(4, halted)
}

// calm is to compare with.
func (a *arena) calm() {
	if *strict {
		time.Sleep(time.Second)
		return
	}
	a.everyone(8, nil)
}
