package examples

import (
	"bufio"
	"fmt"
	"hash/crc32"
	"maps"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// settings are variables of the apps' environment. An empty one is the same as none.
type settings map[string]string

// chaosModes are the modes that are played. The sticky ones have a backup, too, because without one nothing repairs a
// logout that a node has lost.
var chaosModes = []chaosMode{
	{name: "non-sticky"},
	{name: "sticky, sync", env: settings{"MSM_STICKY": "true", "MSM_BACKUPS": "1", "MSM_BACKUP_ASYNC": "false"}},
	{name: "sticky, async", env: settings{"MSM_STICKY": "true", "MSM_BACKUPS": "1"}, async: true},
}

func (m chaosMode) sticky() bool { return m.env["MSM_STICKY"] == "true" }

// arena is real memcached processes, real apps, and a proxy for each pair of them.
type arena struct {
	t       *testing.T
	mode    chaosMode
	timeout time.Duration // of one operation
	leisure int           // the longest pause of a guest between two requests, in microseconds
	nodes   []*arenaNode  // the list that apps get when they start
	env     settings      // the settings that they get then
	report  *chaosReport
	guests  []*guest
	client  *http.Client // for requests that need no connections of their own

	scenario string     // the present one of TestChaosChanges
	vain     string     // the last scenario in which soon waited in vain
	sleepers []*account // sessions that are left alone until the end of a roll
	graves   []*account // sessions of the scenario that have ended
	ids      int        // ids of nodes given so far

	mu     sync.Mutex
	apps   []*arenaApp
	sticky bool // whether the balancer is sticky
}

// arenaNode is a memcached, with a proxy for each app.
type arenaNode struct {
	id      string
	server  *msmtest.Server
	proxies []*msmtest.FaultProxy
}

// arenaApp is an app under a route. Its process changes.
type arenaApp struct {
	route string
	up    bool // the balancer sends requests there
	*process
}

func newArena(t *testing.T, mode chaosMode, nodes, apps int, timeout time.Duration) *arena {
	a := &arena{
		t: t, mode: mode, timeout: timeout, leisure: 60_000, report: newChaosReport(), env: settings{}, sticky: mode.sticky(),
		client: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 100, ExpectContinueTimeout: patience}},
	}
	t.Cleanup(a.client.CloseIdleConnections)
	if *strict {
		a.leisure = 20_000
	}
	maps.Copy(a.env, mode.env)
	for i := range apps {
		a.apps = append(a.apps, &arenaApp{route: string(rune('a' + i))})
	}
	for range nodes {
		a.nodes = append(a.nodes, a.newNode(a.nextID()))
	}
	for _, app := range a.apps {
		a.startApp(app)
	}
	return a
}

// newNode returns a node with a server of its own. No app knows it yet.
func (a *arena) newNode(id string) *arenaNode { return a.proxied(id, msmtest.StartServer(a.t)) }

// proxied returns a node that each app reaches by a proxy of its own.
func (a *arena) proxied(id string, server *msmtest.Server) *arenaNode {
	n := &arenaNode{id: id, server: server}
	for range a.apps {
		n.proxies = append(n.proxies, msmtest.StartFaultProxy(a.t, server.Addr()))
	}
	return n
}

// startApp starts an app in a process of its own, on its side of the proxies.
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

// pick is the load balancer: it returns the instance that the id names if the balancer is sticky, and otherwise any.
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

// url returns where an app listens at present.
func (a *arena) url(app *arenaApp) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return app.url
}

// service tells the balancer whether to send requests to an app.
func (a *arena) service(app *arenaApp, up bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	app.up = up
}

// repaired waits until every app uses every node, and each node has its copies back; see docs/guarantees.md, G3.
func (a *arena) repaired() {
	a.t.Helper()
	a.everyone(2, nil) // a guest that met the fault has told its instance
	for _, app := range a.apps {
		for _, n := range a.nodes {
			app.state(n.id, "up")
		}
	}
	for _, n := range a.nodes {
		a.refilled(n)
	}
	if *strict {
		time.Sleep(1500 * time.Millisecond) // sticky instances begin a second after a node is back
	}
}

// refilled waits until the node is refilled, for as long as that gets on: a refill leaves the nodes to the requests, and
// every scenario leaves sessions.
func (a *arena) refilled(n *arenaNode) {
	a.t.Helper()
	got := ""
	for end := time.Now().Add(patience); !a.filled(n); time.Sleep(100 * time.Millisecond) {
		if now := n.get(a.t, "msm:refilled"); now != got {
			got, end = now, time.Now().Add(patience)
		}
		if time.Now().After(end) {
			a.t.Fatalf("the refill of %s has not got on since %q", n.id, got)
		}
	}
}

// filled asks the node, which remembers for which of its epochs it was refilled (core/checkpoint.go). What the
// instances say of that may be a moment old, and of the epoch before.
func (a *arena) filled(n *arenaNode) bool {
	var ids []string
	for _, other := range a.nodes {
		ids = append(ids, other.id)
	}
	slices.Sort(ids)
	epoch, _, _ := strings.Cut(n.get(a.t, "msm:epoch"), " ")
	occasion, err := strconv.ParseUint(epoch, 16, 32)
	if n.id == ids[0] { // its refill is for the list of nodes, too
		occasion ^= uint64(crc32.ChecksumIEEE([]byte(strings.Join(ids, ","))))
	}
	return err == nil && strings.HasPrefix(n.get(a.t, "msm:refilled"), fmt.Sprintf("%08x done ", occasion))
}

// get returns a value of one line that a node has; "" if it has none.
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

// everyone waits until each guest has had n more answers, except those that wait for an app that is halted.
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
