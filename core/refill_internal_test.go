package msm

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/pace"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// off is the fault of a server, or of a way to it, that cannot be reached.
var off = nodetest.Refuse(nodetest.ErrOff)

// world is servers n1, n2, …, and the instances that use them.
type world struct {
	t       *testing.T
	rate    int
	servers []*nodetest.Server
	begun   int // instances so far
	ctx     context.Context
}

func newWorld(t *testing.T, servers, rate int) *world {
	return &world{t: t, rate: rate, servers: nodetest.Several(servers), ctx: t.Context()}
}

// instance is an app process with its own view of the nodes.
type instance struct {
	w       *world
	t       *testing.T
	name    string
	ways    []*nodetest.Client // one to each server
	listed  int                // lists that it had asked for before the test began
	nodes   []*node.Node
	store   *replica.Store
	refills *refills
	hearing *hearing
	stop    func()
}

func (w *world) instance() *instance {
	in := w.silent("")
	endProbes := in.probe()
	log := journal.Silent()
	in.refills = newRefills(in.store.Cluster, w.rate, newWalk(in.store, log).fill, log)
	in.stop = sync.OnceFunc(func() {
		in.refills.close()
		endProbes()
	})
	w.t.Cleanup(in.stop)
	in.refills.begin()
	return in
}

// probe starts the instance's probers, until the test ends or end is called.
func (in *instance) probe() (end func()) {
	ctx, cancel := context.WithCancel(in.w.ctx)
	var probers sync.WaitGroup
	for _, n := range in.nodes {
		probers.Go(func() { n.Run(ctx) })
	}
	end = sync.OnceFunc(func() {
		cancel()
		probers.Wait()
	})
	in.t.Cleanup(end)
	return end
}

// silent makes an instance that has probed its nodes once, and does nothing by itself. With a route it is sticky.
func (w *world) silent(route string) *instance {
	w.begun++
	in := &instance{w: w, t: w.t, name: fmt.Sprint("instance ", w.begun)}
	in.store = replica.New(replica.Config{
		Cluster: cluster.New(nil), Backups: 1, KeyPrefix: "msm:", IdleTime: time.Hour, Route: route, Patience: 100 * time.Millisecond,
	})
	in.hearing = newHearing(in.store, journal.Silent())
	var members []cluster.Member
	for _, s := range w.servers {
		way := s.Client(in.name)
		n := s.Node(way, node.Options{EpochKey: "msm:epoch", Watch: mailbox.Keys("msm:", route), OnProbe: in.hearing.look})
		_ = n.Probe(w.ctx)
		in.ways, in.nodes, members = append(in.ways, way), append(in.nodes, n), append(members, cluster.Member{Node: n})
	}
	in.store.Cluster.Set(members)
	in.hearing.begin()
	w.t.Cleanup(in.hearing.close)
	return in
}

func token(i int) string { return fmt.Sprint("token", i) }

func (in *instance) create(sessions int) {
	in.t.Helper()
	now := time.Now()
	for i := range sessions {
		rec := &record.Record{Created: now, LastAccess: now, IdleTimeout: time.Hour, Transcoder: "text"}
		if _, err := in.store.Open(token(i), "").Create(context.Background(), rec); err != nil {
			in.t.Fatal(err)
		}
	}
}

// refill returns the state of the refill of n1.
func (in *instance) refill() RefillStats {
	if s := in.refills.stats(in.nodes[0]); s != nil {
		return *s
	}
	return RefillStats{}
}

// lists returns how often the instance has asked servers for their keys since the test began.
func (in *instance) lists() (n int) {
	for _, s := range in.w.servers {
		n += s.Count(func(o nodetest.Op) bool { return o.Kind == nodetest.List && o.From == in.name })
	}
	return n - in.listed
}

// cut cuts the instance off from all servers.
func (in *instance) cut() {
	for _, way := range in.ways {
		way.Fail(off)
	}
}

// has returns how many of the sessions a server has.
func has(s *nodetest.Server, sessions int) (n int) {
	for i := range sessions {
		if s.Value(sid.Key("msm:", sid.Record, token(i))) != nil {
			n++
		}
	}
	return n
}

// checkHealed checks that every session is on two nodes, and that nothing is left to repair.
func (w *world) checkHealed(in *instance, sessions int) {
	w.t.Helper()
	for i := range sessions {
		key, copies := sid.Key("msm:", sid.Record, token(i)), 0
		for at, s := range w.servers {
			if s.Value(key) == nil {
				continue
			}
			copies++
			if healed, err := in.store.HealKey(context.Background(), key, in.nodes[at].ID()); healed || err != nil {
				w.t.Fatalf("session %d on %s was left to heal: %v, %v", i, in.nodes[at].ID(), healed, err)
			}
		}
		if copies != 2 {
			w.t.Fatalf("session %d has %d copies", i, copies)
		}
	}
}

// begin makes a world with instances and sessions, and restarts n1 empty.
func begin(t *testing.T, servers, rate, sessions, instances int) (w *world, list []*instance) {
	w = newWorld(t, servers, rate)
	for range instances {
		list = append(list, w.instance())
	}
	time.Sleep(5 * time.Second)
	list[0].create(sessions)
	for _, in := range list {
		if s := in.refill(); s.State != RefillDone || s.Total != 0 {
			t.Fatalf("before: %+v", s)
		}
		in.listed = in.lists()
	}
	w.servers[0].Restart(nil)
	return w, list
}

// refillTook waits for a refill, and returns how long it took from its first batch on.
func (in *instance) refillTook() time.Duration {
	var began time.Time
	for in.refill().State != RefillDone || began.IsZero() {
		if time.Sleep(time.Millisecond); began.IsZero() && in.refill().State == RefillRunning {
			began = time.Now()
		}
	}
	return in.refill().Ended.Sub(began)
}

// TestARefillKeepsItsPace checks it for several rates.
func TestARefillKeepsItsPace(t *testing.T) {
	t.Parallel()
	for rate, want := range map[int]time.Duration{1: 100 * time.Second, 10: 10 * time.Second, 1000: 100 * time.Millisecond} {
		t.Run(fmt.Sprint(rate, " sessions a second"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, in := begin(t, 2, rate, 100, 1)
				took := in[0].refillTook()
				// The first batch does not wait, and nothing waits after the last one.
				portion := time.Duration(pace.New(rate).Portion()) * time.Second / time.Duration(rate)
				if took < want-portion-time.Millisecond || took > want {
					t.Errorf("took %v; want %v", took, want)
				}
				if n := has(w.servers[0], 100); n != 100 || in[0].refill().Healed != 100 {
					t.Errorf("%d of 100 sessions, %+v", n, in[0].refill())
				}
				in[0].stop()
			})
		})
	}
}

// TestARefillYieldsToRequests checks that a refill asks less of nodes that answer slowly.
func TestARefillYieldsToRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, in := begin(t, 2, 1000, 100, 1)
		for _, s := range w.servers {
			s.Fail(nodetest.Slow(5 * time.Millisecond))
		}
		if took := in[0].refillTook(); took < 2*time.Second || in[0].refill().Healed != 100 {
			t.Errorf("it took %v, %+v", took, in[0].refill())
		}
		in[0].stop()
	})
}

// TestOneInstanceRefills checks that the other instances wait, and learn when it is done.
func TestOneInstanceRefills(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, in := begin(t, 3, 100, 1000, 3)
		time.Sleep(time.Minute)
		working := 0
		for _, i := range in {
			s := i.refill()
			if s.State != RefillDone || s.Ended.IsZero() {
				t.Errorf("%+v", s)
			}
			if s.Total > 0 {
				working++
				if s.Total != 1000 || s.Done != 1000 || s.Healed == 0 || i.lists() != 3 {
					t.Errorf("%+v, %d lists", s, i.lists())
				}
			} else if i.lists() != 0 {
				t.Error("an instance listed keys, and another one refilled")
			}
		}
		w.checkHealed(in[0], 1000)
		if working != 1 {
			t.Errorf("%d instances refilled", working)
		}
		w.instance() // a later one reads the checkpoint, and has nothing to do
		time.Sleep(time.Minute)
		for _, i := range in {
			i.stop()
		}
	})
}

// TestAnInstanceThatDiesInARefill checks that another instance resumes where the first one stopped.
func TestAnInstanceThatDiesInARefill(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		die  func(*instance)
		soon time.Duration
		done int // most sessions that are done twice: those since the last checkpoint
	}{
		"it was closed":  {func(in *instance) { in.stop() }, 2 * time.Second, 10},
		"it was cut off": {(*instance).cut, 8 * time.Second, 110},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const sessions = 1000
				w, in := begin(t, 2, 100, sessions, 2)
				var first, second *instance
				for first == nil {
					time.Sleep(10 * time.Millisecond)
					for i := range in {
						if in[i].refill().Done >= sessions/2 {
							first, second = in[i], in[1-i]
						}
					}
				}
				c.die(first)
				half := first.refill().Done
				died := time.Now()
				nodetest.Until(t, func() bool { return second.refill().State == RefillRunning })
				if took := time.Since(died); took > c.soon {
					t.Errorf("the other one began after %v; want %v", took, c.soon)
				}
				time.Sleep(time.Minute)
				s := second.refill()
				if s.State != RefillDone || s.Total > sessions-half+c.done || s.Total < sessions-half-10 {
					t.Errorf("after %d of %d: %+v", half, sessions, s)
				}
				if n := has(w.servers[0], sessions); n != sessions {
					t.Errorf("%d of %d", n, sessions)
				}
				first.stop()
				second.stop()
			})
		})
	}
}

// TestWhatInterruptsARefill checks that every session is on both nodes in the end.
func TestWhatInterruptsARefill(t *testing.T) {
	t.Parallel()
	const sessions = 1000
	for name, c := range map[string]struct {
		interrupt func(w *world, in *instance)
		again     int // least number of sessions that the last refill looks at
	}{
		"the node is restarted once more": {func(w *world, _ *instance) { w.servers[0].Restart(nil) }, sessions},
		"the node hangs for a while": {func(w *world, _ *instance) {
			w.servers[0].Fail(off)
			time.Sleep(20 * time.Second)
			w.servers[0].Fail(nil)
		}, 0},
		"nobody knows what on the node is stale": {func(_ *world, in *instance) { in.nodes[0].MarkStale() }, sessions},
		"the source hangs for a while": {func(w *world, in *instance) {
			w.servers[1].Fail(off)
			time.Sleep(20 * time.Second)
			if s := in.refill(); s.Done > s.Healed+10 {
				in.t.Errorf("it went on without the source: %+v", s)
			}
			w.servers[1].Fail(nil)
		}, 0},
		"requests have all connections for a while": {func(w *world, _ *instance) {
			w.servers[1].Fail(nodetest.Refuse(memcache.ErrBusy))
			time.Sleep(20 * time.Second)
			w.servers[1].Fail(nil)
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, in := begin(t, 2, 100, sessions, 1)
				nodetest.Until(t, func() bool { return in[0].refill().Done >= sessions/2 })
				c.interrupt(w, in[0])
				time.Sleep(2 * time.Minute)
				if s := in[0].refill(); s.State != RefillDone || s.Total < c.again {
					t.Errorf("%+v", s)
				}
				w.checkHealed(in[0], sessions)
				in[0].stop()
			})
		})
	}
}

// TestANodeThatIsAwayDuringARefill has a node away while another one is refilled, so the refill does not see what only
// that node has. Once it is back another refill follows, and not before.
func TestANodeThatIsAwayDuringARefill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const sessions = 300
		w, in := begin(t, 3, 1000, sessions, 1)
		away := w.servers[2]
		away.Fail(off)
		only := func() (n int) {
			for i := range sessions {
				key := sid.Key("msm:", sid.Record, token(i))
				if away.Value(key) != nil && w.servers[0].Value(key) == nil && w.servers[1].Value(key) == nil {
					n++
				}
			}
			return n
		}
		nodetest.Until(t, func() bool { s := in[0].refill(); return s.State == RefillDone && s.Total > 0 })
		time.Sleep(time.Minute)
		if n, lists := only(), in[0].lists(); n == 0 || lists != 2 {
			t.Errorf("%d sessions are on that node only; the keys of %d nodes were listed, want the two others'", n, lists)
		}
		away.Fail(nil)
		time.Sleep(time.Minute)
		if s, lists := in[0].refill(), in[0].lists(); s.State != RefillDone || s.Total != sessions || lists != 2+3 {
			t.Errorf("%+v, and %d lists; want %d sessions, and 5", s, lists, sessions)
		}
		if n := only(); n > 0 {
			t.Errorf("%d sessions are on that node only", n)
		}
		in[0].stop()
	})
}

// TestALostLease checks that an instance that has lost the lock to another one stops, and asks from time to time
// whether that is done.
func TestALostLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, in := begin(t, 2, 100, 1000, 1)
		nodetest.Until(t, func() bool { return in[0].refill().Done >= 500 })
		for left := true; left; { // the lock may be extended in between
			m := w.servers[0].Memory()
			item, err := m.Get(t.Context(), "msm:refill")
			if err != nil {
				t.Fatal(err)
			}
			item.Value = []byte("another")
			left = m.CompareAndSwap(t.Context(), "msm:refill", item, time.Minute) != nil
		}
		time.Sleep(refillLock/extensions + time.Second)
		at := has(w.servers[0], 1000)
		time.Sleep(30 * time.Second)
		if s := in[0].refill(); s.State != RefillWaiting || has(w.servers[0], 1000) != at || at > 800 {
			t.Errorf("%d sessions, then %d, %+v", at, has(w.servers[0], 1000), s)
		}
		time.Sleep(time.Minute)
		w.checkHealed(in[0], 1000)
		in[0].stop()
	})
}

// TestServersThatCannotBeListed checks that a refill does what it can, and reports the rest.
func TestServersThatCannotBeListed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys func(n int) error // the result of the n-th list of n2
		want RefillState
	}{
		"its crawler is at work for a moment": {func(n int) error {
			if n < 3 {
				return memcache.ErrCrawling
			}
			return nil
		}, RefillDone},
		"its crawler is at work for long": {func(n int) error {
			if n < 300 {
				return memcache.ErrCrawling
			}
			return nil
		}, RefillDone},
		"the list breaks off once": {func(n int) error {
			if n == 1 {
				return nodetest.ErrOff
			}
			return nil
		}, RefillDone},
		"it never lists":             {func(int) error { return memcache.ErrNoList }, RefillUnlisted},
		"the list always breaks off": {func(int) error { return nodetest.ErrOff }, RefillWaiting},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, in := begin(t, 3, 1000, 300, 1)
				n := 0
				w.servers[1].Fail(nodetest.Only(nodetest.Of(nodetest.List), func(_ context.Context, _ nodetest.Op, do func() error) error {
					n++
					if err := c.keys(n); err != nil {
						return err
					}
					return do()
				}))
				time.Sleep(3 * time.Minute)
				s := in[0].refill()
				if s.State != c.want || s.State == RefillDone && s.Total != 300 {
					t.Errorf("%+v", s)
				}
				switch c.want {
				case RefillDone:
					w.checkHealed(in[0], 300)
				case RefillUnlisted: // about a third of the sessions each is on n1 and n2, n1 and n3, n2 and n3
					if has := has(w.servers[0], 300); has < 50 || has > 150 || s.Healed != has {
						t.Errorf("%d sessions, %+v", has, s)
					}
				}
				in[0].stop()
			})
		})
	}
}

// TestARefillThatIsTooMuch checks the growing pauses of a refill that makes its node fail each time.
func TestARefillThatIsTooMuch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, in := begin(t, 2, 100, 1000, 1)
		var began []time.Time
		for len(began) < 9 {
			// Never while a refill looks at sessions: it could not release its lock then, which would last for five
			// seconds.
			time.Sleep(10*time.Millisecond + 1)
			if in[0].refill().State == RefillRunning {
				began = append(began, time.Now())
				in[0].nodes[0].MarkStale()
				time.Sleep(300 * time.Millisecond)
			}
		}
		want := refillDelay
		for i := range began[1:] {
			want = min(2*want, refillMax)
			if pause := began[i+1].Sub(began[i]); pause < want-20*time.Millisecond || pause > want+time.Second {
				t.Errorf("pause %d: %v; want %v", i, pause, want)
			}
		}
		in[0].stop()
	})
}

// TestANodeThatLeavesTheList checks that the copies on it are replaced, although no node has a new epoch.
func TestANodeThatLeavesTheList(t *testing.T) {
	t.Parallel()
	for at := range 3 {
		t.Run(fmt.Sprintf("n%d", at+1), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, in := begin(t, 3, 1000, 0, 2)
				time.Sleep(time.Minute)
				in[0].create(500)
				w.servers[at].Fail(off)
				for _, i := range in { // a rolling deploy: one instance after the other
					i.store.Cluster.Set(slices.Delete(slices.Clone(i.store.Cluster.Members()), at, at+1))
					time.Sleep(20 * time.Second)
				}
				w.servers[at].Restart(nil)
				w.checkHealed(in[0], 500)
				for _, i := range in {
					i.stop()
				}
			})
		})
	}
}

// TestARefillEndsWithItsNode checks that a refill stops when its node leaves the list.
func TestARefillEndsWithItsNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, in := begin(t, 3, 100, 500, 1)
		nodetest.Until(t, func() bool { return in[0].refill().Done > 0 })
		members := in[0].store.Cluster.Members()
		in[0].store.Cluster.Set(members[1:])
		time.Sleep(refillPoll + time.Millisecond)
		synctest.Wait()
		if s := in[0].refills.stats(in[0].nodes[0]); s != nil {
			t.Errorf("%+v", s)
		}
		at := has(w.servers[0], 500)
		time.Sleep(time.Minute)
		if n := has(w.servers[0], 500); n != at {
			t.Errorf("%d sessions more", n-at)
		}
		in[0].stop()
	})
}

// TestARefillListsTheNodeItself has sessions whose other copy was lost while the node was away, so only the node itself
// has them.
func TestARefillListsTheNodeItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, in := begin(t, 2, 1000, 0, 1)
		time.Sleep(time.Minute)
		in[0].create(100)
		w.servers[0].Fail(off)
		time.Sleep(time.Second)
		w.servers[1].Restart(nil)
		time.Sleep(time.Minute)
		w.servers[0].Fail(nil)
		time.Sleep(time.Minute)
		w.checkHealed(in[0], 100)
		in[0].stop()
	})
}

// TestARefillWaitsForEveryone has an instance that learns of the epoch later, and until then writes the old one into
// records that nobody asks for again.
func TestARefillWaitsForEveryone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const sessions = 1000
		w, in := begin(t, 2, 1_000_000, 0, 1)
		time.Sleep(time.Minute)
		in[0].create(sessions)
		late := w.silent("")
		old := in[0].nodes[0].Epoch()
		w.servers[0].Restart(nil)
		nodetest.Until(t, func() bool { return in[0].nodes[0].Epoch() != old })
		for i := range 300 { // milliseconds, the latest that a probe can be
			_, err := late.store.Open(token(i), "n1").Write(t.Context(), func(*record.Record) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Minute)
		w.checkHealed(in[0], sessions)
		in[0].stop()
	})
}

// TestCheckpoint checks that a checkpoint is read as it was written, and that one of another occasion, or nonsense,
// counts as none.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	for _, c := range []checkpoint{
		{occasion: 1}, {occasion: 0xfedcba98, ended: RefillDone}, {occasion: 7, ended: RefillDone, without: []string{"n1", "n3"}}, {occasion: 7, ended: RefillUnlisted}, {occasion: 7, after: sid.Hash{1, 2, 31: 3}},
	} {
		if got := parseCheckpoint(c.String(), c.occasion); !reflect.DeepEqual(got, c) {
			t.Errorf("%q is read as %+v", c, got)
		}
		if got := parseCheckpoint(c.String(), c.occasion+1); !reflect.DeepEqual(got, checkpoint{occasion: c.occasion + 1}) {
			t.Errorf("%q is read as %+v on another occasion", c, got)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "no state": "00000007", "an unknown state": "00000007 running", "no hash": "00000007 after ",
		"a short hash": "00000007 after 01", "no hex": "00000007 after x", "no epoch": "done", "a long epoch": "100000007 done",
	} {
		if got := parseCheckpoint(text, 7); !reflect.DeepEqual(got, checkpoint{occasion: 7}) {
			t.Errorf("%s is read as %+v", name, got)
		}
	}
}
