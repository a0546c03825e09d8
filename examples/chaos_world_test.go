package examples

import (
	"bufio"
	"fmt"
	"hash/crc32"
	"maps"
	"net"
	"os/exec"
	"slices"
	"strconv"
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
	env   settings
	async bool
}

// settings are variables of the apps' environment; an empty one is as good as none.
type settings map[string]string

// chaosModes: sticky ones have a backup as well, for without one nothing repairs a logout that a node has lost.
var chaosModes = []chaosMode{
	{name: "non-sticky"},
	{name: "sticky, sync", env: settings{"MSM_STICKY": "true", "MSM_BACKUPS": "1", "MSM_BACKUP_ASYNC": "false"}},
	{name: "sticky, async", env: settings{"MSM_STICKY": "true", "MSM_BACKUPS": "1"}, async: true},
}

func (m chaosMode) sticky() bool { return m.env["MSM_STICKY"] == "true" }

// arena is real memcached processes, real apps, and a proxy between each two of them.
type arena struct {
	t       *testing.T
	mode    chaosMode
	timeout time.Duration // of one operation
	leisure int           // of a guest, between two requests: so many µs at most
	nodes   []*arenaNode  // the list that apps get when they start
	env     settings      // that they get then
	report  *chaosReport
	guests  []*guest

	mu     sync.Mutex
	apps   []*arenaApp
	sticky bool // what the balancer is
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
	a := &arena{
		t: t, mode: mode, timeout: timeout, leisure: 60_000, report: newChaosReport(), env: settings{}, sticky: mode.sticky(),
	}
	if *strict {
		a.leisure = 20_000
	}
	maps.Copy(a.env, mode.env)
	for i := range apps {
		a.apps = append(a.apps, &arenaApp{route: string(rune('a' + i))})
	}
	for i := range nodes {
		a.nodes = append(a.nodes, a.newNode(fmt.Sprintf("n%d", i+1)))
	}
	for _, app := range a.apps {
		a.startApp(app)
	}
	return a
}

// newNode is one with a server of its own; no app knows it yet.
func (a *arena) newNode(id string) *arenaNode {
	n := &arenaNode{id: id, server: msmtest.StartServer(a.t)}
	for range a.apps {
		n.proxies = append(n.proxies, msmtest.StartFaultProxy(a.t, n.server.Addr()))
	}
	return n
}

// startApp starts an app, in a process of its own, on its side of the proxies.
func (a *arena) startApp(app *arenaApp) {
	a.t.Helper()
	var nodes []string
	for _, n := range a.nodes {
		nodes = append(nodes, n.id+":"+n.proxies[app.route[0]-'a'].Addr())
	}
	env := []string{
		"MSM_NODES=" + strings.Join(nodes, ","), "MSM_ROUTE=" + app.route, fmt.Sprintf("MSM_OP_TIMEOUT=%v", a.timeout),
	}
	for name, value := range a.env {
		env = append(env, name+"="+value)
	}
	p := start(a.t, exec.Command(build(a.t, "nethttp"), "-addr", "127.0.0.1:0", "-grace", patience.String()), env...)
	a.mu.Lock()
	defer a.mu.Unlock()
	app.process, app.up = p, true
}

// pick is where a balancer sends a request: to the instance that the id names if it is sticky, else to any.
func (a *arena) pick(cookie string, random int) (app *arenaApp, url string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, route, _ := strings.Cut(cookie, ".")
	var up []*arenaApp
	for _, app := range a.apps {
		if app.up && a.sticky && app.route == route {
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

// repaired waits until every app uses every node, and each has its copies back; see docs/guarantees.md, G3.
func (a *arena) repaired() {
	a.t.Helper()
	a.everyone(2, nil) // who met the fault has told its instance
	for _, app := range a.apps {
		for _, n := range a.nodes {
			app.state(n.id, "up")
		}
	}
	for _, n := range a.nodes {
		eventually(a.t, "the refill of "+n.id, func() bool { return a.filled(n) })
	}
	if *strict {
		time.Sleep(1500 * time.Millisecond) // sticky instances begin with theirs a second after a node is back
	}
}

// filled asks the node, which remembers for which of its epochs it was refilled (core/checkpoint.go). What the instances
// say of it may be a moment old, and of the epoch before.
func (a *arena) filled(n *arenaNode) bool {
	var ids []string
	for _, other := range a.nodes {
		ids = append(ids, other.id)
	}
	slices.Sort(ids)
	occasion, err := strconv.ParseUint(n.get(a.t, "msm:epoch"), 16, 32)
	if n.id == ids[0] { // whose refill is for the list of the nodes as well
		occasion ^= uint64(crc32.ChecksumIEEE([]byte(strings.Join(ids, ","))))
	}
	return err == nil && n.get(a.t, "msm:refilled") == fmt.Sprintf("%08x done", occasion)
}

// get is a value of one line that a node has; "" if it has none.
func (n *arenaNode) get(t *testing.T, key string) string {
	t.Helper()
	conn, err := net.Dial("tcp", n.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "get %s\r\n", key)
	lines := bufio.NewScanner(conn)
	if lines.Scan(); !strings.HasPrefix(lines.Text(), "VALUE ") {
		return ""
	}
	lines.Scan()
	return lines.Text()
}

// everyone waits until each guest has had n more answers; those do not count who wait for that of an app that is halted.
func (a *arena) everyone(n int32, halted *arenaApp) {
	a.t.Helper()
	var want []int32
	for _, g := range a.guests {
		want = append(want, g.asked.Load()+n)
	}
	for i, g := range a.guests {
		eventually(a.t, g.name+" goes on", func() bool {
			return g.asked.Load() >= want[i] || halted != nil && g.at.Load() == halted
		})
	}
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
