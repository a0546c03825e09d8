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

// TestEpoch checks when a node's epoch changes, and who learns of it.
func TestEpoch(t *testing.T) {
	for name, test := range epochCases {
		t.Run(name, test)
	}
}

var epochCases = map[string]func(t *testing.T){
	"it stays while nothing happens": func(t *testing.T) {
		n, _ := newNode(t)
		before := n.Epoch()
		if err := n.Probe(t.Context()); err != nil || n.Epoch() != before {
			t.Errorf("%v, %x then %x", err, before, n.Epoch())
		}
	},
	"it is replaced before a node is used again of which nobody knows what is stale": func(t *testing.T) {
		n, _ := newNode(t)
		before := n.Epoch()
		n.MarkStale()
		if n.Available() {
			t.Error("available")
		}
		if err := n.Probe(t.Context()); err != nil || !n.Available() || n.Epoch() == before {
			t.Errorf("%v, %x then %x", err, before, n.Epoch())
		}
	},
	"it stays if the node was out of reach and has lost nothing": func(t *testing.T) {
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
	},
	"a node that lost everything gets a new one": func(t *testing.T) {
		n, s := newNode(t)
		before := n.Epoch()
		s.Restart(nil)
		if err := n.Probe(t.Context()); err != nil || n.Epoch() == before {
			t.Errorf("%v, %x then %x", err, before, n.Epoch())
		}
	},
	"what is no epoch is replaced": func(t *testing.T) {
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
	},
	"what is damaged on its way is no other one": func(t *testing.T) {
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
	},
	"other instances learn a new one by their probe, and by asking for a record": func(t *testing.T) {
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
	},
	"who asks a node that lost everything learns that its epoch is gone": func(t *testing.T) {
		n, s := newNode(t)
		s.Restart(nil)
		if _, epoch, err := n.GetWithEpoch(t.Context(), "a"); !errors.Is(err, memcache.ErrMiss) || epoch != 0 || n.Epoch() != 0 || !n.Available() {
			t.Errorf("%v, %x, %x", err, epoch, n.Epoch())
		}
	},
	"what fails during a probe is not forgotten": func(t *testing.T) {
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
	},
	"an epoch that was read before the node failed is not learnt": func(t *testing.T) {
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
	},
}

// TestANodeThatLostItsEpoch checks that a node without an epoch is reported with epoch 0, not with the one that the
// last probe read.
func TestANodeThatLostItsEpoch(t *testing.T) {
	n, s := newNode(t)
	s.Restart(nil)
	if _, epoch, err := n.GetWithEpoch(t.Context(), "a"); !errors.Is(err, memcache.ErrMiss) || epoch != 0 {
		t.Errorf("%v, epoch %x", err, epoch)
	}
}

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
