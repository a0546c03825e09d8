package node_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/msmtest"
)

// TestAServerWithoutCAS checks that such a server is not used, even if it has an epoch, and that the error says how to
// mend it.
func TestAServerWithoutCAS(t *testing.T) {
	t.Parallel()
	addr := msmtest.StartServer(t, "-C").Addr()
	for range 2 {
		n := node.New("n1", addr, newMemcached(t, addr, memcache.ClientOptions{Timeout: generous}), options)
		err := n.Probe(t.Context())
		if !errors.Is(err, node.ErrUnfit) || !strings.Contains(err.Error(), "without -C") || n.Available() {
			t.Errorf("%v, available: %v", err, n.Available())
		}
	}
}

// twins returns two nodes of one list that lead to the same server.
func twins(s *nodetest.Server, log *journal.Journal) (first, second *node.Node, servers *node.Servers) {
	servers = &node.Servers{}
	o := node.Options{EpochKey: "epoch", Servers: servers, Log: log}
	first, second = node.New("n1", "a", s.Client("a"), o), node.New("n2", "b", s.Client("b"), o)
	servers.Set([]*node.Node{first, second})
	return first, second, servers
}

// TestTwoNodesOfOneServer checks that only the first node of the list is used, as soon as it can be.
func TestTwoNodesOfOneServer(t *testing.T) {
	for name, do := range map[string]func(s *nodetest.Server, first, second *node.Node){
		"the first is looked at first":  func(_ *nodetest.Server, first, second *node.Node) { probe(first, second) },
		"the second is looked at first": func(_ *nodetest.Server, first, second *node.Node) { probe(second, first) },
		"the second joins, as stale": func(_ *nodetest.Server, first, second *node.Node) {
			probe(first)
			second.MarkStale()
			probe(second)
		},
		"the server begins anew": func(s *nodetest.Server, first, second *node.Node) {
			probe(first, second)
			s.Restart(nil)
			probe(second, first)
		},
		"the first fails for a moment": func(_ *nodetest.Server, first, second *node.Node) {
			probe(first)
			first.MarkStale()
			probe(second, first)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := nodetest.New("s")
			first, second, _ := twins(s, nil)
			do(s, first, second)
			trouble, down := second.Trouble()
			if !first.Available() || !down || !strings.Contains(trouble.String(), "it is the same server as node n1 (a)") {
				t.Errorf("first: %v; second: %v", first.Available(), trouble)
			}
		})
	}
}

func probe(nodes ...*node.Node) {
	for _, n := range nodes {
		_ = n.Probe(context.Background())
	}
}

// TestOneOfTwoNamesGoes checks that the server is used under its other name if one name leaves the list, or leads
// elsewhere.
func TestOneOfTwoNamesGoes(t *testing.T) {
	t.Run("the list has only the second", func(t *testing.T) {
		first, second, servers := twins(nodetest.New("s"), nil)
		probe(first)
		servers.Set([]*node.Node{second})
		probe(second, first)
		if !first.Available() || !second.Available() {
			t.Errorf("%v, %v", first.Available(), second.Available())
		}
	})
	t.Run("the first leads nowhere", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := nodetest.New("s")
			first, second, _ := twins(s, nil)
			probe(first, second)
			s.Fail(nodetest.Only(func(o nodetest.Op) bool { return o.From == "a" }, nodetest.Refuse(nodetest.ErrOff)))
			probe(first, second)
			if first.Available() || second.Available() {
				t.Errorf("at once: %v, %v", first.Available(), second.Available())
			}
			time.Sleep(time.Second)
			probe(first, second)
			if first.Available() || !second.Available() {
				t.Errorf("a second later: %v, %v", first.Available(), second.Available())
			}
			s.Fail(nil)
			probe(first)
			if !first.Available() || second.Available() {
				t.Errorf("it leads there again: %v, %v", first.Available(), second.Available())
			}
		})
	})
}

// TestTwoNamesAreNeverUsedAtTheSameTime probes both nodes at the same moment.
func TestTwoNamesAreNeverUsedAtTheSameTime(t *testing.T) {
	for range 200 {
		first, second, _ := twins(nodetest.New("s"), nil)
		var all sync.WaitGroup
		all.Go(func() { probe(first) })
		all.Go(func() { probe(second) })
		all.Wait()
		if !first.Available() || second.Available() {
			t.Fatalf("%v, %v", first.Available(), second.Available())
		}
	}
}

// TestTwoNamesAreToldOnce checks that the log has the error once, and not with every probe.
func TestTwoNamesAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		first, second, _ := twins(nodetest.New("s"), journal.New(slog.New(slog.NewTextHandler(&log, nil))))
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { first.Run(ctx) })
		all.Go(func() { second.Run(ctx) })
		time.Sleep(time.Hour)
		cancel()
		all.Wait()
		if times := strings.Count(log.String(), "the same server"); times != 1 {
			t.Errorf("%d times:\n%s", times, &log)
		}
	})
}
