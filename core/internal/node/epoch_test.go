package node_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// balanced is an address behind which there are two servers. Probes have a single connection, so they reach the first
// server until that connection breaks; operations reach either server.
type balanced struct {
	*nodetest.Client
	other *nodetest.Client
	turn  int
}

func (b *balanced) GetMulti(ctx context.Context, keys ...string) (map[string]memcache.Item, error) {
	if b.turn++; b.turn%2 == 0 {
		return b.other.GetMulti(ctx, keys...)
	}
	return b.Client.GetMulti(ctx, keys...)
}

// TestOneNameOfSeveralServers checks that such an address is detected by epochs that come back, even if one of the
// servers has no epoch, and that the node is not used then.
func TestOneNameOfSeveralServers(t *testing.T) {
	for name, begun := range map[string]bool{"both have an epoch": true, "one has none": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := nodetest.New("n1"), nodetest.New("n1")
				if begun {
					mustProbe(t, instance(b))
				}
				n := node.New("n1", "cache:11211", &balanced{Client: a.Client(""), other: b.Client("")}, node.Options{EpochKey: "epoch", Prober: a.Client("")})
				for range 10 {
					probe(n)
					_, _, _ = n.GetWithEpoch(t.Context(), "k")
					_, _, _ = n.GetWithEpoch(t.Context(), "k")
					time.Sleep(time.Second)
				}
				trouble, down := n.Trouble()
				if !down || !errors.Is(trouble.Why, node.ErrUnfit) || !strings.Contains(trouble.String(), "leads to several servers") {
					t.Fatalf("down: %v, %v", down, trouble)
				}
				time.Sleep(time.Hour)
				if probe(n); n.Available() {
					t.Error("it is used an hour later")
				}
				a.Restart(nil)
				if probe(n); !n.Available() {
					t.Error("it is not used although a new server has come")
				}
			})
		})
	}
}

// TestAServerThatBeginsAnewOften checks that a server that restarts often is used: a restart brings a new epoch, and
// restored data do not make it several servers.
func TestAServerThatBeginsAnewOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := newNode(t)
		old := s.Memory().Clone()
		for range 20 {
			s.Restart(nil)
			_, _, _ = n.GetWithEpoch(t.Context(), "k") // it reads no epoch
			mustProbe(t, n)
			s.Restart(old.Clone())
			mustProbe(t, n)
		}
		for range 20 { // for example a proxy that leads elsewhere while the server is away
			s.Restart(nil)
			_, _, _ = n.GetWithEpoch(t.Context(), "k")
			s.Restart(old.Clone())
			time.Sleep(time.Minute)
			mustProbe(t, n)
		}
	})
}

// TestALateProbe checks that a probe does not bring back the epoch that it read before an operation read another one.
func TestALateProbe(t *testing.T) {
	s := nodetest.New("n1")
	looks := s.Client("")
	n := s.Node(s.Client(""), node.Options{EpochKey: "epoch", Prober: looks})
	mustProbe(t, n)
	looks.Fail(func(_ context.Context, _ nodetest.Op, do func() error) error {
		err := do()
		looks.Fail(nil)
		s.Restart(nil)
		mustProbe(t, instance(s))
		_, _, _ = n.GetWithEpoch(t.Context(), "k")
		return err
	})
	before := n.Epoch()
	if err := n.Probe(t.Context()); err == nil || n.Epoch() == before {
		t.Errorf("%v, epoch %x, as before: %v", err, n.Epoch(), n.Epoch() == before)
	}
}
