package node_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
)

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
