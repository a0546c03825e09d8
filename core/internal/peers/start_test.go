package peers

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// instance is an app process that has probed its nodes once.
type instance struct {
	store *replica.Store
	ways  map[string]*nodetest.Client // to the servers
}

func start(t *testing.T, name string, servers []*nodetest.Server) instance {
	in := instance{ways: map[string]*nodetest.Client{}}
	in.store = replica.New(replica.Config{Cluster: cluster.New(nil), Backups: 1, KeyPrefix: "msm:", IdleTime: time.Hour, Patience: 100 * time.Millisecond})
	p := New(in.store, journal.Silent())
	var members []cluster.Member
	for _, s := range servers {
		in.ways[s.ID()] = s.Client(name)
		n := s.Node(in.ways[s.ID()], node.Options{EpochKey: "msm:epoch", Watch: mailbox.Keys("msm:", ""), OnProbe: p.Look})
		_ = n.Probe(t.Context())
		members = append(members, cluster.Member{Node: n})
	}
	in.store.Cluster.Set(members)
	p.Begin(nil)
	t.Cleanup(p.Close)
	return in
}

// TestAnInstanceThatHasJustStarted: G6. A session was ended by an instance that could not reach its primary. An
// instance that starts then, and reaches it, knows of the end before it takes requests.
func TestAnInstanceThatHasJustStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		servers := nodetest.Several(3)
		cut := start(t, "cut off", servers)
		access, now := cut.store.Open("token", ""), time.Now()
		if _, err := access.Create(t.Context(), &record.Record{Created: now, LastAccess: now, IdleTimeout: time.Hour, Transcoder: "text"}); err != nil {
			t.Fatal(err)
		}
		home := access.Home()
		cut.ways[home].Fail(nodetest.Refuse(nodetest.ErrOff))
		n, _ := cut.store.Cluster.Node(home)
		_ = n.Probe(t.Context())
		if err := cut.store.Open("token", home).Destroy(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		for _, s := range servers {
			s.Fail(nodetest.Slow(time.Millisecond))
		}
		begun := start(t, "late", servers)
		if _, err := begun.store.Open("token", home).Load(t.Context()); !errors.Is(err, replica.ErrNoSession) {
			t.Errorf("its first request: %v", err)
		}
	})
}
