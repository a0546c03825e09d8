package msm

import (
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// pair is two instances, of which the first serves a visitor's session, in fake time.
type pair struct {
	visitor
	t      *testing.T
	w      *world
	serves *Manager
	other  *Manager
}

// inPair runs a test in each mode.
func inPair(t *testing.T, config Config, test func(p *pair)) {
	inModes(t, func(t *testing.T, w *world, mode Config) {
		config := config // of this mode alone
		config.Sticky, config.BackupSync = mode.Sticky, mode.BackupSync
		p := &pair{t: t, w: w, serves: w.routed(config, "a"), other: w.routed(config, "b")}
		p.visit(func(s *Session) { s.Set("n", 1) })
		p.cookies = 0
		time.Sleep(heard)
		test(p)
	})
}

// visit sends a request to the instance that serves the session.
func (p *pair) visit(f func(s *Session)) (status int) {
	return p.request(p.serves, "POST", f).Code
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
