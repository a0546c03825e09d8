package local_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// idle is the sessions' idle timeout.
const idle = 30 * time.Minute

// world is some in-memory servers, which every instance has nodes of its own for. Time is fake.
type world struct {
	t       *testing.T
	servers map[string]*server
	backups int
}

// server is an in-memory node that can be off, slow, or take a write and not answer.
type server struct {
	*node.Memory
	mu     sync.Mutex
	off    bool
	mute   int           // so many writes are done, but nobody hears of it
	delay  time.Duration // of everything
	writes int
	reads  int
}

var errOff = errors.New("connection refused")

func (s *server) set(change func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// restart loses all values.
func (s *server) restart() {
	s.set(func(s *server) { s.Memory = node.NewMemory(node.MemoryOptions{}) })
}

// enter is the beginning of every operation.
func (s *server) enter(counter *int) (*node.Memory, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.off {
		return nil, errOff
	}
	*counter++
	delay := s.delay
	s.mu.Unlock()
	time.Sleep(delay)
	s.mu.Lock()
	return s.Memory, nil
}

// Get and the others implement node.Client.
func (s *server) Get(ctx context.Context, key string) (node.Item, error) {
	m, err := s.enter(counted(&s.reads, key))
	if err != nil {
		return node.Item{}, err
	}
	return m.Get(ctx, key)
}

// counted: what is about sessions; not what probers and notices do at any time.
func counted(counter *int, key string) *int {
	if !strings.HasPrefix(key, "msm:s:") {
		return new(int)
	}
	return counter
}

func (s *server) GetMulti(ctx context.Context, keys ...string) (map[string]node.Item, error) {
	m, err := s.enter(&s.reads)
	if err != nil {
		return nil, err
	}
	return m.GetMulti(ctx, keys...)
}

func (s *server) Add(ctx context.Context, key string, item node.Item, ttl time.Duration) error {
	return s.write(key, func(m *node.Memory) error { return m.Add(ctx, key, item, ttl) })
}

func (s *server) CompareAndSwap(ctx context.Context, key string, item node.Item, ttl time.Duration) error {
	return s.write(key, func(m *node.Memory) error { return m.CompareAndSwap(ctx, key, item, ttl) })
}

func (s *server) write(key string, do func(*node.Memory) error) error {
	m, err := s.enter(counted(&s.writes, key))
	if err != nil {
		return err
	}
	err = do(m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mute > 0 && strings.HasPrefix(key, "msm:s:") {
		s.mute--
		return errOff
	}
	return err
}

func (s *server) counts() (reads, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads, s.writes
}

// inWorld runs a test in a bubble of fake time, on so many servers.
func inWorld(t *testing.T, servers, backups int, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, servers: map[string]*server{}, backups: backups}
		for i := range servers {
			w.servers[fmt.Sprintf("n%d", i+1)] = &server{Memory: node.NewMemory(node.MemoryOptions{})}
		}
		test(w)
	})
}

func (w *world) all(change func(*server)) {
	for _, s := range w.servers {
		s.set(change)
	}
}

func (w *world) counts() (reads, writes int) {
	for _, s := range w.servers {
		r, n := s.counts()
		reads, writes = reads+r, writes+n
	}
	return reads, writes
}

// until waits for something that becomes true with n1.
func (w *world) until(ok func() bool) {
	w.t.Helper()
	for range 100_000 {
		done := false
		w.servers["n1"].set(func(*server) { done = ok() })
		if done {
			return
		}
		time.Sleep(time.Millisecond)
	}
	w.t.Fatal("waited in vain")
}

// ignore takes an error for none.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// settle waits until the write-behind, the probers and the repair have done what they have to.
func settle() { time.Sleep(3 * time.Second) }

// instance is one app process.
type instance struct {
	*local.Store
	w       *world
	replica *replica.Store
	close   func()
}

func (w *world) start(config local.Config) *instance {
	ctx, stop := context.WithCancel(context.Background())
	var members []cluster.Member
	var probers sync.WaitGroup
	for i := range len(w.servers) {
		id := fmt.Sprintf("n%d", i+1)
		n := node.New(id, id, w.servers[id], node.Options{EpochKey: "epoch"})
		_ = n.Probe(ctx)
		probers.Go(func() { n.Run(ctx) })
		members = append(members, cluster.Member{Node: n})
	}
	config.Replica = replica.New(replica.Config{Cluster: cluster.New(members), Backups: w.backups, KeyPrefix: "msm:", IdleTime: idle, Sticky: true})
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	a := &instance{Store: local.New(config), w: w, replica: config.Replica}
	a.close = sync.OnceFunc(func() {
		over, cancel := context.WithCancel(ctx)
		cancel()
		a.Close(over)
		stop()
		probers.Wait()
	})
	w.t.Cleanup(a.close)
	return a
}

// crash ends the instance as SIGKILL would: nothing more is stored.
func (a *instance) crash() {
	off := map[*server]bool{}
	for _, s := range a.w.servers {
		s.set(func(s *server) { off[s], s.off = s.off, true })
	}
	a.close()
	for s, was := range off {
		s.set(func(s *server) { s.off = was })
	}
}

// begin creates a session whose attribute n is 1.
func (a *instance) begin(token string) *local.Session {
	a.w.t.Helper()
	s, err := a.create(token)
	if err != nil {
		a.w.t.Fatal(err)
	}
	return s
}

func (a *instance) create(token string) (*local.Session, error) {
	now := time.Now()
	rec := &record.Record{Created: now, LastAccess: now, IdleTimeout: idle, Transcoder: "text"}
	rec.Set("n", []byte("1"))
	return a.Create(context.Background(), token, a.replica.FirstNode(token), rec)
}

// get finds a session as a request does whose cookie has this instance's route.
func (a *instance) get(token, node string) (*local.Session, error) {
	if s := a.Get(token); s != nil {
		return s, nil
	}
	return a.Load(context.Background(), token, node)
}

func (a *instance) takeOver(token, node string) *local.Session {
	a.w.t.Helper()
	s, err := a.TakeOver(context.Background(), token, node, "")
	if err != nil {
		a.w.t.Fatal("takeover: ", err)
	}
	return s
}

// plus is the change that adds to a number.
func plus(name string, by int) replica.Change {
	return func(rec *record.Record) error {
		value, _ := rec.Get(name)
		n, _ := strconv.Atoi(string(value))
		rec.Set(name, []byte(strconv.Itoa(n+by)))
		return nil
	}
}

func put(name, value string) replica.Change {
	return func(rec *record.Record) error {
		rec.Set(name, []byte(value))
		return nil
	}
}

// change is a request that changes the session.
func change(s *local.Session, c replica.Change) error {
	base, _ := s.View()
	work := base.Draft()
	if err := c(work); err != nil {
		return err
	}
	_, err := s.Commit(context.Background(), base, work, c)
	return err
}

func (a *instance) must(err error) {
	a.w.t.Helper()
	if err != nil {
		a.w.t.Fatal(err)
	}
}

func value(s *local.Session, name string) string {
	rec, _ := s.View()
	v, _ := rec.Get(name)
	return string(v)
}

func nodeOf(s *local.Session) string {
	_, id := s.View()
	return id
}

// stored is what a server has, nil if it has nothing.
func (w *world) stored(id, token string) *record.Record {
	w.t.Helper()
	w.servers[id].mu.Lock()
	m := w.servers[id].Memory
	w.servers[id].mu.Unlock()
	item, err := m.Get(context.Background(), sid.Key("msm:", sid.Record, token))
	if err != nil {
		return nil
	}
	rec, err := record.Decode(item.Value)
	if err != nil {
		w.t.Fatal(err)
	}
	return rec
}

// holds answers the servers that have a live copy, sorted.
func (w *world) holds(token string) (list []string) {
	for id := range w.servers {
		if rec := w.stored(id, token); rec != nil && !rec.Tombstone {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

// wantStored checks what another instance would find.
func (w *world) wantStored(token, node, name, want string) {
	w.t.Helper()
	b := w.start(local.Config{})
	defer b.close()
	s, err := b.get(token, node)
	if err != nil {
		w.t.Errorf("another instance finds: %v", err)
		return
	}
	if got := value(s, name); got != want {
		w.t.Errorf("another instance finds %s = %q; want %q", name, got, want)
	}
}
