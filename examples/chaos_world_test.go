package examples

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gomsm/msm/core/msmtest"
)

// chaosMode is how the instances keep their sessions.
type chaosMode struct {
	name  string
	env   []string
	async bool
}

// chaosModes: sticky ones have a backup as well, for without one nothing repairs a logout that a node has lost.
var chaosModes = []chaosMode{
	{name: "non-sticky"},
	{name: "sticky, sync", env: []string{"MSM_STICKY=true", "MSM_BACKUPS=1", "MSM_BACKUP_ASYNC=false"}},
	{name: "sticky, async", env: []string{"MSM_STICKY=true", "MSM_BACKUPS=1"}, async: true},
}

// arena is real memcached processes, real apps, and a proxy between each two of them.
type arena struct {
	t       *testing.T
	mode    chaosMode
	timeout time.Duration // of one operation
	nodes   []*arenaNode
	report  *chaosReport

	mu   sync.Mutex
	apps []*arenaApp
}

// arenaNode is a memcached, with a proxy for each app.
type arenaNode struct {
	id      string
	server  *msmtest.Server
	proxies []*msmtest.FaultProxy
}

// arenaApp is an app under a route; its process changes.
type arenaApp struct {
	route string
	up    bool // a balancer sends requests there
	*process
}

func newArena(t *testing.T, mode chaosMode, nodes, apps int, timeout time.Duration) *arena {
	a := &arena{t: t, mode: mode, timeout: timeout, report: newChaosReport()}
	for i := range nodes {
		n := &arenaNode{id: fmt.Sprintf("n%d", i+1), server: msmtest.StartServer(t)}
		for range apps {
			n.proxies = append(n.proxies, msmtest.StartFaultProxy(t, n.server.Addr()))
		}
		a.nodes = append(a.nodes, n)
	}
	for i := range apps {
		app := &arenaApp{route: string(rune('a' + i))}
		a.apps = append(a.apps, app)
		a.startApp(app)
	}
	return a
}

// startApp starts an app, in a process of its own, on its side of the proxies.
func (a *arena) startApp(app *arenaApp) {
	a.t.Helper()
	var nodes []string
	for _, n := range a.nodes {
		nodes = append(nodes, n.id+":"+n.proxies[app.route[0]-'a'].Addr())
	}
	env := append([]string{
		"MSM_NODES=" + strings.Join(nodes, ","), "MSM_ROUTE=" + app.route, fmt.Sprintf("MSM_OP_TIMEOUT=%v", a.timeout),
	}, a.mode.env...)
	p := start(a.t, exec.Command(build(a.t, "nethttp"), "-addr", "127.0.0.1:0"), env...)
	a.mu.Lock()
	defer a.mu.Unlock()
	app.process, app.up = p, true
}

// pick is where a balancer sends a request: to the instance that the id names, in sticky mode, else to any.
func (a *arena) pick(cookie string, random int) (app *arenaApp, url string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, route, _ := strings.Cut(cookie, ".")
	var up []*arenaApp
	for _, app := range a.apps {
		if app.up && a.mode.name != "non-sticky" && app.route == route {
			return app, app.url
		}
		if app.up {
			up = append(up, app)
		}
	}
	app = up[random%len(up)]
	return app, app.url
}

// outOfService tells the balancer.
func (a *arena) service(app *arenaApp, up bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	app.up = up
}

// repaired waits until every app uses every node, and has brought its copies back; see docs/guarantees.md, G3.
func (a *arena) repaired() {
	a.t.Helper()
	for _, app := range a.apps {
		for _, n := range a.nodes {
			app.state(n.id, "up")
		}
		a.waitForRefill(app)
	}
	time.Sleep(1500 * time.Millisecond) // sticky instances begin with theirs a second after a node is back
}

// waitForRefill is more patient than others: a refill that was broken off is tried again after up to half a minute.
func (a *arena) waitForRefill(app *arenaApp) {
	a.t.Helper()
	for end := time.Now().Add(time.Minute); !app.refilled(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			a.t.Fatalf("%s sees no end of a refill: %+v", app.route, app.health().Nodes)
		}
	}
}

// refilled: no node waits for its refill.
func (p *process) refilled() bool {
	for _, n := range p.health().Nodes {
		if n.Refill.State == "waiting" || n.Refill.State == "running" {
			return false
		}
	}
	return true
}

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
	play func(a *arena, app *arenaApp, hold time.Duration)
}{
	{"SIGKILL", func(a *arena, app *arenaApp, hold time.Duration) {
		kill(app.process, syscall.SIGKILL)
		a.service(app, false) // its balancer sees the connections break
		time.Sleep(hold)
		a.startApp(app)
	}},
	{"SIGTERM", func(a *arena, app *arenaApp, _ time.Duration) {
		a.service(app, false)
		app.terminate()
		a.startApp(app)
	}},
	{"SIGSTOP, SIGCONT", func(a *arena, app *arenaApp, hold time.Duration) {
		kill(app.process, syscall.SIGSTOP)
		a.service(app, false) // at once, so that others take over what it has not stored yet
		time.Sleep(hold)
		a.service(app, true) // first: what it answers late is younger than what another instance could know of
		kill(app.process, syscall.SIGCONT)
	}},
}

// play has faults come in turn, of a node and of an instance, until ctx ends.
func (a *arena) play(ctx context.Context, first int) {
	for i := first; ctx.Err() == nil; i++ {
		fault, n, at := nodeFaults[i%len(nodeFaults)], a.nodes[i%len(a.nodes)], i%len(a.apps)
		end := a.report.begin("node", fault.name)
		fault.begin(n, at)
		time.Sleep(a.hold())
		fault.end(n, at)
		end()
		a.repaired()
		if ctx.Err() != nil {
			return
		}
		mishap := instanceFaults[i%len(instanceFaults)]
		end = a.report.begin("instance", mishap.name)
		mishap.play(a, a.apps[(i/2)%len(a.apps)], a.hold())
		end()
		a.repaired()
	}
}

// hold is how long a fault lasts: longer than requests that wait for it.
func (a *arena) hold() time.Duration { return a.timeout + 300*time.Millisecond }
