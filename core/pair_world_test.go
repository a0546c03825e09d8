package msm

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// pair is two instances, of which the first serves a visitor's session, in fake time.
type pair struct {
	t       *testing.T
	w       *world
	serves  *Manager
	other   *Manager
	id      string
	cookies int // that the visitor has got since the session began
}

// inPair runs a test in each mode.
func inPair(t *testing.T, config Config, test func(p *pair)) {
	for mode, set := range map[string]func(*Config){
		"non-sticky":    func(*Config) {},
		"sticky, async": func(c *Config) { c.Sticky = true },
		"sticky, sync":  func(c *Config) { c.Sticky, c.BackupSync = true, true },
	} {
		t.Run(mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2)
				set(&config)
				p := &pair{t: t, w: w, serves: w.routed(config, "a"), other: w.routed(config, "b")}
				p.visit(func(s *Session) { s.Set("n", 1) })
				p.cookies = 0
				time.Sleep(heard)
				test(p)
				time.Sleep(heard)
			})
		})
	}
}

// visit sends a request to the instance that serves the session.
func (p *pair) visit(f func(s *Session)) (status int) {
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Cookie", "SESSION="+p.id)
	w := httptest.NewRecorder()
	p.serves.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { f(From(r.Context())) })).ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		p.id = c.Value
		p.cookies++
	}
	return w.Code
}

func (p *pair) open(m *Manager) *Session {
	p.t.Helper()
	s, err := m.Open(p.t.Context(), p.id)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p *pair) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Error(err)
	}
}

func (p *pair) wants(what string, got, want int) {
	p.t.Helper()
	if got != want {
		p.t.Errorf("%s: %d; want %d", what, got, want)
	}
}

// cutOff makes every node unreachable.
func (p *pair) cutOff() {
	for _, server := range p.w.servers {
		server.Fail(off)
	}
}

func (p *pair) reconnect() {
	for _, server := range p.w.servers {
		server.Fail(nil)
	}
	for _, m := range []*Manager{p.serves, p.other} {
		for _, n := range m.store.Cluster.Members() {
			_ = n.Node.Probe(p.t.Context())
		}
	}
}

func plus(n int) func(int) int { return func(old int) int { return old + n } }

// reads returns how often sessions were read so far.
func (p *pair) reads() (n int) {
	for _, s := range p.w.servers {
		n += s.Count(nodetest.Reads("msm:s:"))
	}
	return n
}
