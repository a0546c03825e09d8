package node_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/msmtest"
)

const (
	generous = 10 * time.Second // timeout of operations where nothing hangs: the machine may be busy
	patience = 2 * time.Minute  // limit of a wait that is expected to succeed
)

func newMemcached(t *testing.T, addr string, o memcache.ClientOptions) *memcache.Memcached {
	c := memcache.NewMemcached(addr, o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// eventually waits for something that another process or goroutine does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// TestARefusedKeyIsNotSent checks that an illegal key is not sent, and is no evidence against the node.
func TestARefusedKeyIsNotSent(t *testing.T) {
	p := msmtest.StartProxy(t, msmtest.StartServer(t).Addr())
	c := newMemcached(t, p.Addr(), memcache.ClientOptions{Timeout: generous})
	n := node.New("n1", p.Addr(), c, options)
	if err := n.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Reset()
	for _, key := range []string{"", " ", "a b", "a\t", "a\r\nflush_all", "a\x00", "a\x7f", strings.Repeat("k", 251)} {
		for op, do := range map[string]func() error{
			"Get":            func() error { _, err := n.Get(t.Context(), key); return err },
			"GetWithEpoch":   func() error { _, _, err := n.GetWithEpoch(t.Context(), key); return err },
			"GetMulti":       func() error { _, err := c.GetMulti(t.Context(), "a", key); return err },
			"Add":            func() error { return n.Add(t.Context(), key, memcache.Item{}, 0) },
			"Append":         func() error { return n.Append(t.Context(), key, []byte("x")) },
			"CompareAndSwap": func() error { return n.CompareAndSwap(t.Context(), key, memcache.Item{Token: 1}, 0) },
		} {
			if err := do(); err == nil || errors.Is(err, memcache.ErrMiss) || errors.Is(err, node.ErrDown) || !n.Available() {
				t.Fatalf("%s %q: %v, available: %v", op, key, err, n.Available())
			}
		}
	}
	if sent := p.Commands(); len(sent) > 0 {
		t.Errorf("sent %q", sent)
	}
}

// TestServersThatDoNotList checks that the error is ErrNoList, and that it is no evidence against the node.
func TestServersThatDoNotList(t *testing.T) {
	for name, args := range map[string][]string{
		"without crawler": {"-o", "no_lru_crawler"},
		"without dumps":   {"-X"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := msmtest.StartServer(t, args...).Addr()
			n := node.New("n1", addr, newMemcached(t, addr, memcache.ClientOptions{Timeout: generous}), options)
			nothing := func(string) { t.Error("a key") }
			if err := n.Keys(t.Context(), "", nothing); !errors.Is(err, node.ErrDown) {
				t.Errorf("before the first probe: %v", err)
			}
			mustProbe(t, n)
			if err := n.Keys(t.Context(), "", nothing); !errors.Is(err, memcache.ErrNoList) || !n.Available() {
				t.Errorf("%v, available: %v", err, n.Available())
			}
		})
	}
}

// counted is a client that counts the reads of one key.
type counted struct {
	memcache.Client
	key  string
	asks atomic.Int32
}

func (c *counted) Get(ctx context.Context, key string) (memcache.Item, error) {
	if key == c.key {
		c.asks.Add(1)
	}
	return c.Client.Get(ctx, key)
}

// TestRealNode checks that a node on a real memcached goes down and comes back, with another epoch if it has lost its
// data. While it is down no operation is sent.
func TestRealNode(t *testing.T) {
	for name, fault := range map[string]struct {
		begin, end func(*msmtest.Server)
		loses      bool
	}{
		"killed and started again": {(*msmtest.Server).Kill, (*msmtest.Server).Restart, true},
		"stopped and continued":    {(*msmtest.Server).Stop, (*msmtest.Server).Continue, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := msmtest.StartServer(t)
			c := &counted{Client: newMemcached(t, s.Addr(), memcache.ClientOptions{Timeout: 10 * time.Second}), key: "a"}
			n := node.New("n1", s.Addr(), c, options)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { defer close(ended); n.Run(ctx) }()
			defer func() { cancel(); <-ended }()
			eventually(t, "available", n.Available)
			before := n.Epoch()
			fault.begin(s)
			last := n.Probes() // the next probe may have begun before, and end well
			eventually(t, "not available", func() bool { return !n.Available() && n.Probes() >= last+2 })
			for range 1000 {
				if _, err := n.Get(ctx, "a"); !errors.Is(err, node.ErrDown) {
					t.Fatal(err)
				}
			}
			if asks := c.asks.Load(); asks > 0 {
				t.Errorf("it was asked %d times while it was down", asks)
			}
			fault.end(s)
			eventually(t, "available again", n.Available)
			if lost := n.Epoch() != before; lost != fault.loses {
				t.Errorf("another epoch: %v", lost)
			}
		})
	}
}
