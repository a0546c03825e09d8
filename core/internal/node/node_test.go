package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/msmtest"
)

var options = node.Options{EpochKey: "epoch"}

// instance is what somebody has of a server.
func instance(s *nodetest.Server) *node.Node { return s.Node(s.Client(""), options) }

// newNode makes a node that is up.
func newNode(t *testing.T) (*node.Node, *nodetest.Server) {
	t.Helper()
	s := nodetest.New("n1")
	n := instance(s)
	if n.Available() || n.Epoch() != 0 {
		t.Error("available before its first probe")
	}
	if err := n.Probe(t.Context()); err != nil || !n.Available() || n.Epoch() == 0 {
		t.Fatalf("%v, epoch %x", err, n.Epoch())
	}
	return n, s
}

var operations = map[string]func(ctx context.Context, n *node.Node) error{
	"Get":          func(ctx context.Context, n *node.Node) error { _, err := n.Get(ctx, "a"); return err },
	"GetWithEpoch": func(ctx context.Context, n *node.Node) error { _, _, err := n.GetWithEpoch(ctx, "a"); return err },
	"Add":          func(ctx context.Context, n *node.Node) error { return n.Add(ctx, "a", node.Item{}, 0) },
	"Append":       func(ctx context.Context, n *node.Node) error { return n.Append(ctx, "a", []byte("x")) },
	"CompareAndSwap": func(ctx context.Context, n *node.Node) error {
		return n.CompareAndSwap(ctx, "a", node.Item{Token: 1}, 0)
	},
}

// TestFailuresMakeANodeUnavailable, answers do not.
func TestFailuresMakeANodeUnavailable(t *testing.T) {
	for op, do := range operations {
		for err, failure := range map[error]bool{
			errors.New("i/o timeout"):            true,
			errors.New("connection refused"):     true,
			errors.New("SERVER_ERROR no memory"): true,
			node.ErrMiss:                         false,
			node.ErrExists:                       false,
			node.ErrConflict:                     false,
			node.ErrTooLarge:                     false,
			node.ErrBusy:                         false,
		} {
			t.Run(fmt.Sprint(op, ", ", err), func(t *testing.T) {
				n, s := newNode(t)
				s.Fail(nodetest.Refuse(err))
				if got := do(t.Context(), n); !errors.Is(got, err) {
					t.Errorf("%v", got)
				}
				if n.Available() == failure {
					t.Errorf("available: %v", n.Available())
				}
				if !failure {
					return
				}
				before := s.Count(nodetest.Any)
				if got := do(t.Context(), n); !errors.Is(got, node.ErrDown) || s.Count(nodetest.Any) != before {
					t.Errorf("while it is down: %v, after %d calls", got, s.Count(nodetest.Any)-before)
				}
			})
		}
	}
}

// cancelled is what happens to an operation whose request is over in its middle.
func cancelled(cancel func()) nodetest.Fault {
	return func(context.Context, nodetest.Op, func() error) error {
		cancel()
		return context.Canceled
	}
}

func TestACancelledRequestIsNoFailure(t *testing.T) {
	n, s := newNode(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.Fail(cancelled(cancel))
	if _, err := n.Get(ctx, "a"); !errors.Is(err, context.Canceled) || !n.Available() {
		t.Errorf("%v", err)
	}
}

func TestEpoch(t *testing.T) {
	t.Run("it stays while nothing happens", func(t *testing.T) {
		n, _ := newNode(t)
		before := n.Epoch()
		if err := n.Probe(t.Context()); err != nil || n.Epoch() != before {
			t.Errorf("%v, %x then %x", err, before, n.Epoch())
		}
	})
	t.Run("it is replaced before a node that was worked around is used again", func(t *testing.T) {
		n, _ := newNode(t)
		before := n.Epoch()
		n.WorkAround()
		if n.Available() {
			t.Error("available")
		}
		if err := n.Probe(t.Context()); err != nil || !n.Available() || n.Epoch() == before {
			t.Errorf("%v, %x then %x", err, before, n.Epoch())
		}
	})
	t.Run("a node whose probe failed gets a new one: others may have worked around it", func(t *testing.T) {
		n, s := newNode(t)
		before := n.Epoch()
		s.Fail(nodetest.Refuse(nodetest.ErrLost))
		if err := n.Probe(t.Context()); err == nil || n.Available() {
			t.Errorf("%v", err)
		}
		s.Fail(nil)
		if err := n.Probe(t.Context()); err != nil || n.Epoch() == before {
			t.Errorf("%v, %x then %x", err, before, n.Epoch())
		}
	})
	t.Run("a node that lost everything gets a new one", func(t *testing.T) {
		n, s := newNode(t)
		before := n.Epoch()
		s.Restart(nil)
		if err := n.Probe(t.Context()); err != nil || n.Epoch() == before {
			t.Errorf("%v, %x then %x", err, before, n.Epoch())
		}
	})
	t.Run("what is no epoch is replaced", func(t *testing.T) {
		for _, text := range []string{"", "x", "0000000g", "00000000", "123456789", "\x00\x00\x00\x00\x00\x00\x00\x01"} {
			s := nodetest.New("n1")
			if err := s.Memory().Add(t.Context(), "epoch", node.Item{Value: []byte(text)}, 0); err != nil {
				t.Fatal(err)
			}
			n := instance(s)
			if err := n.Probe(t.Context()); err != nil || n.Epoch() == 0 {
				t.Errorf("%q: %v, %x", text, err, n.Epoch())
			}
		}
	})
	t.Run("other instances learn a new one by their probe, and by asking for a record", func(t *testing.T) {
		a, s := newNode(t)
		b, c := instance(s), instance(s)
		for _, n := range []*node.Node{b, c} {
			if err := n.Probe(t.Context()); err != nil || n.Epoch() != a.Epoch() {
				t.Fatalf("%v, %x and %x", err, a.Epoch(), n.Epoch())
			}
		}
		a.WorkAround()
		if err := a.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = b.Probe(t.Context())
		_, epoch, err := c.GetWithEpoch(t.Context(), "none")
		if !errors.Is(err, node.ErrMiss) || b.Epoch() != a.Epoch() || c.Epoch() != a.Epoch() || epoch != a.Epoch() {
			t.Errorf("%v, %x, %x, %x, %x", err, a.Epoch(), b.Epoch(), c.Epoch(), epoch)
		}
	})
	t.Run("who asks a node that lost everything learns that its epoch is gone", func(t *testing.T) {
		n, s := newNode(t)
		s.Restart(nil)
		if _, epoch, err := n.GetWithEpoch(t.Context(), "a"); !errors.Is(err, node.ErrMiss) || epoch != 0 || n.Epoch() != 0 || !n.Available() {
			t.Errorf("%v, %x, %x", err, epoch, n.Epoch())
		}
	})
	t.Run("a work-around during a probe is not lost", func(t *testing.T) {
		for _, at := range []nodetest.Kind{nodetest.Get, nodetest.CompareAndSwap} {
			n, s := newNode(t)
			n.WorkAround()
			s.Fail(nodetest.Once(nodetest.Of(at), n.WorkAround))
			if err := n.Probe(t.Context()); err == nil || n.Available() {
				t.Errorf("at %s: available after a probe that began before the work-around", at)
			}
			between := n.Epoch()
			if err := n.Probe(t.Context()); err != nil || !n.Available() || n.Epoch() == between {
				t.Errorf("at %s: %v", at, err)
			}
		}
	})
	t.Run("an epoch that was read before a work-around is not learnt", func(t *testing.T) {
		n, s := newNode(t)
		before := n.Epoch()
		other := instance(s)
		other.WorkAround()
		if err := other.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Fail(nodetest.Once(nodetest.Any, n.WorkAround))
		_, _, _ = n.GetWithEpoch(t.Context(), "a")
		if n.Epoch() != before || n.Available() {
			t.Errorf("%x then %x", before, n.Epoch())
		}
	})
}

// TestNews: what is under the key is told once, by a probe that finds the node in order.
func TestNews(t *testing.T) {
	memory := node.NewMemory(node.MemoryOptions{})
	var heard []string
	n := node.New("n1", "memory", memory, node.Options{
		EpochKey: "epoch", NewsKey: "news", OnNews: func(_ *node.Node, value []byte) { heard = append(heard, string(value)) },
	})
	ctx := context.Background()
	put := func(value string) {
		t.Helper()
		item, err := memory.Get(ctx, "news")
		if err == nil {
			err = memory.CompareAndSwap(ctx, "news", node.Item{Value: []byte(value), Token: item.Token}, 0)
		} else {
			err = memory.Add(ctx, "news", node.Item{Value: []byte(value)}, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	probe := func() {
		t.Helper()
		if err := n.Probe(ctx); err != nil {
			t.Fatal(err)
		}
	}
	probe() // nothing is there
	put("a")
	probe()
	probe()
	put("b")
	n.WorkAround()
	probe()
	put("a")
	probe()
	if want := []string{"a", "b", "a"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q; want %q", heard, want)
	}
}

// TestRun: the prober in fake time.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := nodetest.New("n1")
		n := s.Node(s.Client(""), node.Options{EpochKey: "epoch", Log: journal.New(slog.New(slog.NewTextHandler(&log, nil)))})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); n.Run(ctx) }()

		time.Sleep(10 * time.Second)
		if calls := s.Count(nodetest.Any); calls < 32 || calls > 52 || !n.Available() { // 40, and jitter
			t.Errorf("%d probes in 10 s of peace", calls)
		}
		before := s.Count(nodetest.Any)
		n.WorkAround()
		synctest.Wait()
		n.WorkAround() // once more, in the same moment
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if !n.Available() {
			t.Error("a node that was worked around, and answers, is not used again a millisecond later")
		}
		if calls := s.Count(nodetest.Any) - before; calls != 2 { // a look, and a new epoch
			t.Errorf("%d operations until it is used again", calls)
		}
		s.Fail(nodetest.Refuse(nodetest.ErrLost))
		time.Sleep(time.Minute)
		before = s.Count(nodetest.Any)
		time.Sleep(time.Minute)
		if calls := s.Count(nodetest.Any) - before; calls < 10 || calls > 15 || n.Available() {
			t.Errorf("%d probes in a minute of a node that is down; every 5 s is enough", calls)
		}
		s.Fail(nil)
		time.Sleep(6100 * time.Millisecond)
		if !n.Available() {
			t.Error("a node that is back is not used again")
		}
		cancel()
		<-ended
		if up, down := strings.Count(log.String(), "node is up"), strings.Count(log.String(), "node is down"); up != 3 || down != 2 {
			t.Errorf("%d times up, %d times down:\n%s", up, down, &log)
		}
	})
}

// counted is a client that counts how often it is asked for a key.
type counted struct {
	node.Client
	key  string
	asks atomic.Int32
}

func (c *counted) Get(ctx context.Context, key string) (node.Item, error) {
	if key == c.key {
		c.asks.Add(1)
	}
	return c.Client.Get(ctx, key)
}

// TestRealNode: a node over real memcached goes down and comes back with another epoch. While it is down nothing is asked
// of it.
func TestRealNode(t *testing.T) {
	for name, fault := range map[string]struct{ begin, end func(*msmtest.Server) }{
		"killed and started again": {(*msmtest.Server).Kill, (*msmtest.Server).Restart},
		"stopped and continued":    {(*msmtest.Server).Stop, (*msmtest.Server).Continue},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := msmtest.StartServer(t)
			c := &counted{Client: newMemcached(t, s.Addr(), node.ClientOptions{Timeout: 2 * time.Second}), key: "a"}
			n := node.New("n1", s.Addr(), c, options)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { defer close(ended); n.Run(ctx) }()
			defer func() { cancel(); <-ended }()
			eventually(t, "available", n.Available)
			before := n.Epoch()
			fault.begin(s)
			eventually(t, "not available", func() bool { return !n.Available() })
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
			if n.Epoch() == before {
				t.Error("the epoch is the old one")
			}
		})
	}
}
