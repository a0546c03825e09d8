package msm_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

const day = 24 * time.Hour

// shelf is a store with its test.
type shelf struct {
	*msm.Store
	t *testing.T
}

func (s shelf) commit(token, value string, life time.Duration) {
	s.t.Helper()
	if err := s.Commit(token, []byte(value), time.Now().Add(life)); err != nil {
		s.t.Errorf("Commit %s: %v", token, err)
	}
}

func (s shelf) set(key, value string, life time.Duration) {
	s.t.Helper()
	if err := s.Set(key, []byte(value), life); err != nil {
		s.t.Errorf("Set %s: %v", key, err)
	}
}

func (s shelf) delete(key string) {
	s.t.Helper()
	if err := s.Delete(key); err != nil {
		s.t.Errorf("Delete %s: %v", key, err)
	}
}

// want reads a value through the methods for scs and through those for fiber.
func (s shelf) want(key, value string) {
	s.t.Helper()
	b, found, err := s.Find(key)
	if string(b) != value || !found || err != nil {
		s.t.Errorf("Find %s: %q, %v, %v; want %q", key, b, found, err, value)
	}
	if b, err := s.Get(key); string(b) != value || b == nil || err != nil {
		s.t.Errorf("Get %s: %q, %v; want %q", key, b, err, value)
	}
}

func (s shelf) wantNone(key string) {
	s.t.Helper()
	if b, found, err := s.Find(key); b != nil || found || err != nil {
		s.t.Errorf("Find %s: %q, %v, %v; want nothing", key, b, found, err)
	}
	if b, err := s.Get(key); b != nil || err != nil {
		s.t.Errorf("Get %s: %q, %v; want nothing", key, b, err)
	}
}

func (s shelf) wantError(what string, err, want error) {
	s.t.Helper()
	if !errors.Is(err, want) {
		s.t.Errorf("%s: %v; want %v", what, err, want)
	}
}

// fleet is two instances on the same memcached servers.
type fleet struct {
	t        *testing.T
	servers  map[string]*msmtest.Server
	managers []*msm.Manager
	one, two shelf
}

// startFleet starts a fleet whose OpTimeout suits nodes that hang.
func startFleet(t *testing.T, nodes int) *fleet {
	list, servers := startServers(t, nodes)
	f := &fleet{t: t, servers: servers}
	for range 2 {
		f.managers = append(f.managers, newManager(t, msm.Config{Nodes: list, OpTimeout: hangTimeout}))
	}
	f.one, f.two = shelf{f.managers[0].Store("a"), t}, shelf{f.managers[1].Store("a"), t}
	return f
}

func (f *fleet) waitUntilAllUp() {
	f.t.Helper()
	waitFor(f.t, "all nodes up", func() bool { return allUp(f.managers...) })
}

func (f *fleet) waitForRefill(node string, after time.Time) {
	f.t.Helper()
	for _, m := range f.managers {
		waitForRefill(f.t, m, node, after)
	}
}

// waitForWhatIsOwed waits until a node that has lost nothing has what changed without it.
func (f *fleet) waitForWhatIsOwed(string, time.Time) {
	f.t.Helper()
	f.waitUntilAllUp()
	waitForWhatIsOwed(f.t, f.managers...)
}

func (f *fleet) fullLoads() (n uint64) {
	for _, m := range f.managers {
		n += m.Stats().FullReads
	}
	return n
}

const values = 30

func (f *fleet) each(do func(key string)) {
	for i := range values {
		do(fmt.Sprint("k", i))
	}
}
