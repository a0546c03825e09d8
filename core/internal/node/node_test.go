package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
)

var options = node.Options{EpochKey: "epoch"}

// instance returns an instance's node for a server.
func instance(s *nodetest.Server) *node.Node { return s.Node(s.Client(""), options) }

// newNode returns a node that is available, and its server.
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
	"Add":          func(ctx context.Context, n *node.Node) error { return n.Add(ctx, "a", memcache.Item{}, 0) },
	"Append":       func(ctx context.Context, n *node.Node) error { return n.Append(ctx, "a", []byte("x")) },
	"CompareAndSwap": func(ctx context.Context, n *node.Node) error {
		return n.CompareAndSwap(ctx, "a", memcache.Item{Token: 1}, 0)
	},
}

// TestEvidence checks that a refused connection makes a node unavailable, and that an answer does not, nor an operation
// that times out, or that was late because of this process.
func TestEvidence(t *testing.T) {
	for op, do := range operations {
		for err, evidence := range map[error]bool{
			nodetest.ErrOff:                       true,
			errors.New("connection reset"):        true,
			nodetest.ErrLost:                      false,
			fmt.Errorf("?: %w", memcache.ErrLate): false,
			memcache.ErrMiss:                      false,
			memcache.ErrExists:                    false,
			memcache.ErrConflict:                  false,
			memcache.ErrTooLarge:                  false,
			memcache.ErrFull:                      false,
			memcache.ErrRefused:                   false,
			memcache.ErrBusy:                      false,
		} {
			t.Run(fmt.Sprint(op, ", ", err), func(t *testing.T) {
				n, s := newNode(t)
				s.Fail(nodetest.Refuse(err))
				if got := do(t.Context(), n); !errors.Is(got, err) {
					t.Errorf("%v", got)
				}
				if n.Available() == evidence {
					t.Errorf("available: %v", n.Available())
				}
				if !evidence {
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

// TestWhoRunsOutOfTimeHasTheNodeLookedAt checks that an operation that times out triggers a probe at once. If the node
// hangs it becomes unavailable as soon as that probe has timed out too.
func TestWhoRunsOutOfTimeHasTheNodeLookedAt(t *testing.T) {
	for name, hangs := range map[string]bool{"a node that hangs": true, "an operation that does": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := nodetest.New("n1")
				n := instance(s)
				mustProbe(t, n)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { defer close(ended); n.Run(ctx) }()
				defer func() { cancel(); <-ended }()
				what := nodetest.Reads("a")
				if hangs {
					what = nodetest.Any
				}
				s.Fail(nodetest.Only(what, func(context.Context, nodetest.Op, func() error) error {
					time.Sleep(100 * time.Millisecond)
					return nodetest.ErrLost
				}))
				if _, err := n.Get(ctx, "a"); !errors.Is(err, nodetest.ErrLost) {
					t.Error(err)
				}
				looks, late := n.Probes(), time.Now()
				nodetest.Until(t, func() bool { return n.Probes() > looks })
				if took := time.Since(late); took > 110*time.Millisecond || !hangs && took > 10*time.Millisecond {
					t.Errorf("the node was looked at %v later, as it is now and then", took)
				}
				if n.Available() == hangs {
					t.Errorf("available: %v", n.Available())
				}
			})
		})
	}
}

// cancelCounter counts the calls of CancelAll.
type cancelCounter struct {
	memcache.Client
	times atomic.Int32
}

func (c *cancelCounter) CancelAll() { c.times.Add(1) }

// TestWhoWaitsForANodeThatIsDown checks that waiting operations end at once: CancelAll is called when the node becomes
// unavailable, and not again while it stays so, as that would end its probes.
func TestWhoWaitsForANodeThatIsDown(t *testing.T) {
	s := nodetest.New("n1")
	c := &cancelCounter{Client: s.Client("")}
	n := node.New("n1", "n1", c, options)
	n.MarkStale()
	if err := n.Probe(t.Context()); !n.Available() || c.times.Load() != 0 {
		t.Fatalf("%v, available: %v, its client gave up %d times", err, n.Available(), c.times.Load())
	}
	for range 3 {
		n.MarkStale()
	}
	if c.times.Load() != 1 {
		t.Errorf("its client gave up %d times", c.times.Load())
	}
}

// cancelled returns the fault of an operation whose request is cancelled in the middle.
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
	t.Run("it is replaced before a node is used again of which nobody knows what is stale", func(t *testing.T) {
		n, _ := newNode(t)
		before := n.Epoch()
		n.MarkStale()
		if n.Available() {
			t.Error("available")
		}
		if err := n.Probe(t.Context()); err != nil || !n.Available() || n.Epoch() == before {
			t.Errorf("%v, %x then %x", err, before, n.Epoch())
		}
	})
	t.Run("it stays if the node was out of reach and has lost nothing", func(t *testing.T) {
		n, s := newNode(t)
		before := n.Epoch()
		for _, why := range []error{nodetest.ErrLost, nodetest.ErrOff} {
			s.Fail(nodetest.Refuse(why))
			if err := n.Probe(t.Context()); err == nil || n.Available() {
				t.Errorf("%v", err)
			}
			s.Fail(nil)
			if err := n.Probe(t.Context()); err != nil || n.Epoch() != before {
				t.Errorf("%v, %x then %x", err, before, n.Epoch())
			}
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
			if err := s.Memory().Add(t.Context(), "epoch", memcache.Item{Value: []byte(text)}, 0); err != nil {
				t.Fatal(err)
			}
			n := instance(s)
			if err := n.Probe(t.Context()); err != nil || n.Epoch() == 0 {
				t.Errorf("%q: %v, %x", text, err, n.Epoch())
			}
		}
	})
	t.Run("what is damaged on its way is no other one", func(t *testing.T) {
		n, s := newNode(t)
		before := n.Epoch()
		s.Fail(nodetest.Damage(1))
		if _, epoch, err := n.GetWithEpoch(t.Context(), "a"); !errors.Is(err, memcache.ErrMiss) || epoch != before || n.Epoch() != before {
			t.Errorf("a request: %v, %x after %x", err, epoch, before)
		}
		s.Fail(nodetest.Damage(1))
		if err := n.Probe(t.Context()); err == nil || n.Epoch() != before {
			t.Errorf("a probe: %v, %x after %x", err, n.Epoch(), before)
		}
		if err := n.Probe(t.Context()); err != nil || n.Epoch() != before {
			t.Errorf("the next probe: %v, %x after %x", err, n.Epoch(), before)
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
		a.MarkStale()
		if err := a.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = b.Probe(t.Context())
		_, epoch, err := c.GetWithEpoch(t.Context(), "none")
		if !errors.Is(err, memcache.ErrMiss) || b.Epoch() != a.Epoch() || c.Epoch() != a.Epoch() || epoch != a.Epoch() {
			t.Errorf("%v, %x, %x, %x, %x", err, a.Epoch(), b.Epoch(), c.Epoch(), epoch)
		}
	})
	t.Run("who asks a node that lost everything learns that its epoch is gone", func(t *testing.T) {
		n, s := newNode(t)
		s.Restart(nil)
		if _, epoch, err := n.GetWithEpoch(t.Context(), "a"); !errors.Is(err, memcache.ErrMiss) || epoch != 0 || n.Epoch() != 0 || !n.Available() {
			t.Errorf("%v, %x, %x", err, epoch, n.Epoch())
		}
	})
	t.Run("what fails during a probe is not forgotten", func(t *testing.T) {
		for _, at := range []nodetest.Kind{nodetest.Get, nodetest.CompareAndSwap} {
			n, s := newNode(t)
			n.MarkStale()
			s.Fail(nodetest.Once(nodetest.Of(at), n.MarkStale))
			if err := n.Probe(t.Context()); err == nil || n.Available() {
				t.Errorf("at %s: available after a probe that began before that", at)
			}
			between := n.Epoch()
			if err := n.Probe(t.Context()); err != nil || !n.Available() || n.Epoch() == between {
				t.Errorf("at %s: %v", at, err)
			}
		}
	})
	t.Run("an epoch that was read before the node failed is not learnt", func(t *testing.T) {
		n, s := newNode(t)
		before := n.Epoch()
		other := instance(s)
		other.MarkStale()
		if err := other.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Fail(nodetest.Once(nodetest.Any, n.MarkStale))
		_, _, _ = n.GetWithEpoch(t.Context(), "a")
		if n.Epoch() != before || n.Available() {
			t.Errorf("%x then %x", before, n.Epoch())
		}
	})
}

// TestALookTellsWhatElseIsThere checks that OnProbe is called for every successful probe, and for no other.
func TestALookTellsWhatElseIsThere(t *testing.T) {
	s := nodetest.New("n1")
	var told []map[string]memcache.Item
	n := s.Node(s.Client(""), node.Options{
		EpochKey: "epoch", Watch: []string{"a", "b"}, OnProbe: func(_ *node.Node, also map[string]memcache.Item, _ time.Time) { told = append(told, also) },
	})
	mustProbe(t, n) // there are no values yet
	if err := s.Memory().Add(t.Context(), "b", memcache.Item{Value: []byte("x")}, 0); err != nil {
		t.Fatal(err)
	}
	mustProbe(t, n)
	s.Fail(nodetest.Refuse(nodetest.ErrLost))
	if err := n.Probe(t.Context()); err == nil {
		t.Error("a probe of a node that is off ends well")
	}
	if len(told) != 2 || len(told[0]) != 0 || len(told[1]) != 1 || string(told[1]["b"].Value) != "x" {
		t.Errorf("%v", told)
	}
}

// TestRun checks the prober in fake time.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := nodetest.New("n1")
		n := s.Node(s.Client(""), node.Options{EpochKey: "epoch", Log: journal.New(slog.New(slog.NewTextHandler(&log, nil)))})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); n.Run(ctx) }()

		time.Sleep(10 * time.Second)
		if calls := s.Count(nodetest.Any); calls < 32 || calls > 52 || !n.Available() { // 40, give or take the jitter
			t.Errorf("%d probes in 10 s of peace", calls)
		}
		before := s.Count(nodetest.Any)
		n.MarkStale()
		synctest.Wait()
		n.MarkStale() // again, at the same moment
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if !n.Available() {
			t.Error("a node that answers is not used again a millisecond later")
		}
		if calls := s.Count(nodetest.Any) - before; calls != 2 { // one read, and one write of the new epoch
			t.Errorf("%d operations until it is used again", calls)
		}
		s.Fail(nodetest.Refuse(nodetest.ErrLost))
		time.Sleep(time.Minute)
		before = s.Count(nodetest.Any)
		time.Sleep(time.Minute)
		if calls := s.Count(nodetest.Any) - before; calls < 50 || calls > 75 || n.Available() {
			t.Errorf("%d probes in a minute of a node that is down; one a second is enough", calls)
		}
		s.Fail(nil)
		time.Sleep(1300 * time.Millisecond)
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
