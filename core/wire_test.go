package msm_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// wire is two memcached processes behind proxies that see every command.
type wire struct {
	*app
	manager *msm.Manager
	nodes   string
	proxies []*msmtest.Proxy
}

func startWire(t *testing.T, config msm.Config) *wire {
	w := &wire{}
	var nodes []string
	for i := range 2 {
		p := msmtest.StartProxy(t, msmtest.StartServer(t).Addr())
		w.proxies = append(w.proxies, p)
		nodes = append(nodes, fmt.Sprintf("n%d:%s", i+1, p.Addr()))
	}
	w.nodes = strings.Join(nodes, ",")
	w.app, w.manager = w.instance(t, config)
	return w
}

// another starts another instance on the same nodes.
func (w *wire) another(config msm.Config) *app {
	a, _ := w.instance(w.t, config)
	return a
}

func (w *wire) instance(t testing.TB, config msm.Config) (*app, *msm.Manager) {
	config.RefillRate = msm.NoRefill // what is counted is requests
	config.Nodes, config.Ignore = w.nodes, regexp.MustCompile(`\.gif$`)
	m := newManager(t, config)
	return serve(t, m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch s := msm.From(r.Context()); r.URL.Path {
		case "/read":
			fmt.Fprint(w, count.Get(s))
		case "/write":
			fmt.Fprint(w, add(s))
		case "/logout":
			s.Destroy()
		}
	}))), m
}

// session are the commands about sessions since the last reset.
func (w *wire) session() []string { return w.about("msm:s:") }

// about are the commands about keys that begin so since the last reset, without those of the probers.
func (w *wire) about(prefix string) (list []string) {
	for _, p := range w.proxies {
		for _, line := range p.Commands() {
			if name, rest, _ := strings.Cut(line, " "); strings.HasPrefix(rest, prefix) && !strings.HasPrefix(rest, "msm:epoch") {
				list = append(list, name)
			}
		}
	}
	slices.Sort(list)
	return list
}

func (w *wire) reset() {
	for _, p := range w.proxies {
		p.Reset()
	}
}

// TestCommandsOnTheWire: what a request costs, counted between us and real memcached.
func TestCommandsOnTheWire(t *testing.T) {
	for name, c := range map[string]struct {
		backups int
		method  string
		path    string
		cookie  string // kept: the browser's; or another
		want    []string
	}{
		"a request without cookie":                      {1, "GET", "/none", "-", nil},
		"a read without cookie":                         {1, "GET", "/read", "-", nil},
		"an unsafe request without cookie":              {1, "POST", "/none", "-", nil},
		"an ignored request":                            {1, "POST", "/x.gif", "kept", nil},
		"a GET that does not touch the session":         {1, "GET", "/none", "kept", nil},
		"a read":                                        {1, "GET", "/read", "kept", []string{"gets"}},
		"an unsafe request that changes nothing":        {1, "POST", "/none", "kept", []string{"gets"}},
		"a write with one backup":                       {1, "POST", "/write", "kept", []string{"cas", "cas", "gets", "gets"}},
		"a write without backup":                        {msm.NoBackup, "POST", "/write", "kept", []string{"cas", "gets"}},
		"a new session with one backup":                 {1, "POST", "/write", "-", []string{"add", "add"}},
		"a new session without backup":                  {msm.NoBackup, "POST", "/write", "-", []string{"add"}},
		"a logout":                                      {1, "POST", "/logout", "kept", []string{"cas", "cas", "gets", "gets"}},
		"a logout of nobody":                            {1, "POST", "/logout", "-", nil},
		"a write with a malformed cookie":               {1, "POST", "/write", "x", []string{"add", "add"}},
		"a read with a cookie of 70,000 bytes":          {1, "GET", "/read", strings.Repeat("a", 70_000), nil},
		"a read with CR LF in the cookie, as %0d%0a":    {1, "GET", "/read", "%0d%0aflush_all", nil},
		"a read with an unsigned id of the right shape": {1, "GET", "/read", "aaaaaaaaaaaaaaaaaaaaaaaaaa-n1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWire(t, msm.Config{Backups: c.backups, SigningKeys: [][]byte{make([]byte, 32)}})
			w.do("POST", "/write")
			w.do("GET", "/read")
			w.reset()
			req, _ := http.NewRequest(c.method, w.URL+c.path, nil)
			if c.cookie != "kept" {
				w.browser.Jar = nil
				if c.cookie != "-" {
					req.Header.Set("Cookie", "SESSION="+c.cookie)
				}
			}
			w.send(req)
			time.Sleep(20 * time.Millisecond) // whatever runs in the background
			if got := w.session(); !slices.Equal(got, c.want) {
				t.Errorf("commands %v; want %v", got, c.want)
			}
		})
	}
}

// TestASessionThatIsGoneIsAskedForOnce: T-04. A replayed cookie of a dead session costs one look, not one per request.
func TestASessionThatIsGoneIsAskedForOnce(t *testing.T) {
	w := startWire(t, msm.Config{})
	req, _ := http.NewRequest("GET", w.URL+"/read", nil)
	req.Header.Set("Cookie", "SESSION=aaaaaaaaaaaaaaaaaaaaaaaaaa-n1")
	w.reset()
	for range 20 {
		if resp, body := w.send(req); body != "0" || len(resp.Header["Set-Cookie"]) > 0 {
			t.Fatalf("%q %v", body, resp.Header)
		}
	}
	if got := w.session(); !slices.Equal(got, []string{"gets", "gets", "gets"}) { // home, the other, home again
		t.Errorf("commands %v", got)
	}
}
