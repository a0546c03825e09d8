package replica_test

import (
	"context"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

const token = "token"

var key = sid.Key("msm:", sid.Record, token)

// world is some nodes in memory and a store on them.
type world struct {
	t       testing.TB
	servers map[string]*nodetest.Server
	nodes   map[string]*node.Node
	store   *replica.Store
}

// off is the fault of a server that nobody reaches.
var off = nodetest.Refuse(nodetest.ErrOff)

// newWorld returns a world with the nodes n1, n2 and so on, which have been probed.
func newWorld(t testing.TB, nodes, backups int) *world {
	w := &world{t: t, servers: map[string]*nodetest.Server{}, nodes: map[string]*node.Node{}}
	var members []cluster.Member
	for _, s := range nodetest.Several(nodes) {
		n := s.Node(s.Client(""), node.Options{EpochKey: "epoch"})
		w.servers[s.ID()], w.nodes[s.ID()] = s, n
		members = append(members, cluster.Member{Node: n})
	}
	w.store = replica.New(replica.Config{Cluster: cluster.New(members), Backups: backups, KeyPrefix: "msm:", MaxSize: 10_000, IdleTime: 30 * time.Minute})
	w.probe()
	return w
}

// probe probes all nodes.
func (w *world) probe() {
	for _, n := range w.nodes {
		_ = n.Probe(context.Background())
	}
}

// session returns the first record of a session with the attribute n = 1.
func session() *record.Record {
	now := time.Now()
	rec := &record.Record{Created: now, LastAccess: now, IdleTimeout: 30 * time.Minute, Transcoder: "text"}
	rec.Set("n", []byte("1"))
	return rec
}

// create stores such a session, and returns its home and its backups.
func (w *world) create() (home string, backups []string) {
	w.t.Helper()
	stored, err := w.store.Open(token, "").Create(context.Background(), session())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range stored.Copies[1:] {
		backups = append(backups, c.Node)
	}
	return stored.Home, backups
}

// stored returns the record that a server has; nil: it has none.
func (w *world) stored(id string) *record.Record {
	value := w.servers[id].Value(key)
	if value == nil {
		return nil
	}
	rec, err := record.Decode(value)
	if err != nil {
		w.t.Fatalf("%s has %v", id, err)
	}
	return rec
}

// wantLoaded checks that an id that names that node leads to the session, with that value.
func (w *world) wantLoaded(node, value string) {
	w.t.Helper()
	rec, err := w.store.Open(token, node).Load(context.Background())
	if err != nil {
		w.t.Fatalf("by %s: %v", node, err)
	}
	if got, _ := rec.Get("n"); string(got) != value {
		w.t.Errorf("by %s it is %q; want %q", node, got, value)
	}
}

// tokenOn returns the compare-and-swap token of what a server has; 0: it has nothing.
func (w *world) tokenOn(id string) uint64 {
	item, err := w.servers[id].Memory().Get(context.Background(), key)
	if err != nil {
		return 0
	}
	return item.Token
}

// overwrite replaces what a server has, which no node notices.
func (w *world) overwrite(id string, value []byte) {
	w.t.Helper()
	m := w.servers[id].Memory()
	item, err := m.Get(context.Background(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := m.CompareAndSwap(context.Background(), key, memcache.Item{Value: value, Token: item.Token}, 0); err != nil {
		w.t.Fatal(err)
	}
}

// ofFormat returns a record as a program with another format would write it.
func ofFormat(rec *record.Record, format byte) []byte {
	value := rec.Append(nil)
	value[0] = format
	return checksummed(value)
}

// checksummed corrects the checksum of a record.
func checksummed(value []byte) []byte {
	return checksum.Append(value[: len(value)-checksum.Size : len(value)-checksum.Size])
}

// set returns a change that sets the attribute n.
func set(value string) replica.Change {
	return func(rec *record.Record) error {
		next := rec.Draft()
		next.Set("n", []byte(value))
		rec.Attributes = next.Attributes
		return nil
	}
}
