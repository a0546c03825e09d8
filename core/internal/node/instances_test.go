package node_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/msmtest"
)

// TestTwoInstancesAtTheSameTime checks that an instance copes with another one that overtakes it while it gives the
// node an epoch.
func TestTwoInstancesAtTheSameTime(t *testing.T) {
	for name, c := range map[string]struct {
		at    nodetest.Kind // the operation of the first instance before which the second one probes
		dirty bool
	}{
		"both find an empty node":                 {nodetest.Add, false},
		"both do not know what is stale":          {nodetest.CompareAndSwap, true},
		"the other had replaced its epoch before": {nodetest.Get, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := nodetest.New("n1")
			first := s.Client("first")
			a, b := s.Node(first, options), instance(s)
			if c.dirty {
				mustProbe(t, a)
				mustProbe(t, b)
				a.MarkStale()
				b.MarkStale()
			}
			first.Fail(nodetest.Once(nodetest.Of(c.at), func() { mustProbe(t, b) }))
			if err := a.Probe(t.Context()); (err == nil) != a.Available() {
				t.Errorf("%v, available: %v", err, a.Available())
			}
			mustProbe(t, a)
			if c.dirty && a.Epoch() == b.Epoch() {
				t.Error("the first did not replace the epoch itself")
			}
			mustProbe(t, b)
			if a.Epoch() != b.Epoch() {
				t.Errorf("epochs %x and %x", a.Epoch(), b.Epoch())
			}
		})
	}
}

// TestNobodyIsMisled checks that an instance that calls MarkStale never sees the node available with the epoch that it
// had then, whatever other instances do.
func TestNobodyIsMisled(t *testing.T) {
	memory := memcache.NewMemory(memcache.MemoryOptions{})
	instances := []*node.Node{node.New("n1", "memory", memory, options), node.New("n1", "memory", memory, options)}
	var all sync.WaitGroup
	for i := range 8 {
		n := instances[i%2]
		all.Go(func() {
			for range 200 {
				before := n.Epoch()
				n.MarkStale()
				for tries := 0; ; tries++ {
					_ = n.Probe(t.Context())
					if _, epoch, err := n.GetWithEpoch(t.Context(), "a"); errors.Is(err, memcache.ErrMiss) {
						if epoch == before {
							t.Errorf("epoch %x, as before", epoch)
						}
						break
					}
				}
			}
		})
	}
	all.Wait()
}

// TestTwoInstancesOnOneServer checks that an instance learns by its probes that another one has replaced the epoch.
func TestTwoInstancesOnOneServer(t *testing.T) {
	t.Parallel()
	addr := msmtest.StartServer(t).Addr()
	var instances [2]*node.Node
	for i := range instances {
		n := node.New("n1", addr, newMemcached(t, addr, memcache.ClientOptions{Timeout: generous}), options)
		mustProbe(t, n)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); n.Run(ctx) }()
		defer func() { cancel(); <-ended }()
		instances[i] = n
	}
	before := instances[0].Epoch()
	if instances[1].Epoch() != before {
		t.Fatal("two epochs of one server")
	}
	instances[0].MarkStale()
	eventually(t, "both have the new epoch", func() bool {
		a, b := instances[0].Epoch(), instances[1].Epoch()
		return a != before && a == b && instances[0].Available()
	})
}
