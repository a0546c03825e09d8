package local_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// modes are the configurations for cases that are the same with asynchronous and synchronous backup.
var modes = map[string]local.Config{"async": {}, "sync": {Sync: true}}

// inModes runs a test in each of the modes, with one instance.
func inModes(t *testing.T, servers, backups int, test func(w *world, a *instance)) {
	for mode, config := range modes {
		t.Run(mode, func(t *testing.T) {
			inWorld(t, servers, backups, func(w *world) { test(w, w.start(config)) })
		})
	}
}

// TestNodeFails checks what a sticky instance makes of the faults F-01 to F-09 of a node.
func TestNodeFails(t *testing.T) {
	for name, c := range map[string]struct {
		servers, backups int
		test             func(w *world, a *instance)
	}{
		"the next request moves the session, and its id names the new node": {2, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			old := nodeOf(s)
			w.servers[old].Fail(off)
			time.Sleep(time.Second)
			node := nodeOf(a.Get("t"))
			if node == old {
				w.t.Error("the id names the dead node")
			}
			settle()
			if got := w.holds("t"); !slices.Contains(got, node) {
				w.t.Errorf("on %v", got)
			}
			w.wantStored("t", node, "n", "1")
		}},
		"a change while the node is dead goes to another one": {2, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			w.servers[nodeOf(s)].Fail(off)
			a.must(change(s, plus("n", 1)))
			settle()
			w.wantStored("t", nodeOf(s), "n", "2")
		}},
		"the old node comes back with the old session, which nobody believes": {2, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			old := nodeOf(s)
			w.servers[old].Fail(off)
			a.must(change(s, plus("n", 1)))
			settle()
			w.servers[old].Fail(nil)
			time.Sleep(10 * time.Second)
			w.wantStored("t", old, "n", "2") // the old cookie
			w.wantStored("t", nodeOf(s), "n", "2")
		}},
		"the one node is back empty: the session is stored again from memory, without a request": {1, 0, func(w *world, a *instance) {
			a.begin("t")
			settle()
			w.servers["n1"].Restart(nil)
			settle()
			w.wantStored("t", "n1", "n", "1")
		}},
		"a node that only missed a beat keeps its sessions": {2, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			old := nodeOf(s)
			w.servers[old].Fail(off)
			time.Sleep(time.Second)
			w.servers[old].Fail(nil)
			time.Sleep(10 * time.Second)
			if got := w.holds("t"); fmt.Sprint(got) != fmt.Sprint([]string{old}) {
				w.t.Errorf("on %v; it was on %s", got, old)
			}
		}},
		"the primary of two copies dies: there are two again, settled, without a request": {3, 1, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			old := nodeOf(s)
			w.servers[old].Fail(off)
			a.must(change(s, plus("n", 1)))
			settle()
			got := 0
			for _, id := range w.holds("t") {
				rec := w.stored(id, "t")
				if id != old && !rec.Unsettled && len(rec.Copies) == 2 {
					got++
				}
			}
			if got != 2 {
				w.t.Errorf("%d good copies", got)
			}
		}},
		"a node stays away: its sessions get another one, without a request": {2, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			old := nodeOf(s)
			w.servers[old].Fail(off)
			time.Sleep(15 * time.Second)
			a.crash()
			w.wantStored("t", old, "n", "1")
		}},
		"the backup is back empty: it is filled again": {2, 1, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			for id, server := range w.servers {
				if id != nodeOf(s) {
					server.Restart(nil)
				}
			}
			settle()
			if got := w.holds("t"); len(got) != 2 {
				w.t.Errorf("on %v", got)
			}
		}},
		"every node is down: memory serves, id unchanged; the change is stored when one is back": {2, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			w.all(off)
			a.must(change(s, plus("n", 1)))
			time.Sleep(time.Minute)
			s = a.Get("t")
			if s == nil || value(s, "n") != "2" || nodeOf(s) != node {
				w.t.Fatal("it is not served as before")
			}
			w.all(nil)
			time.Sleep(10 * time.Second)
			w.wantStored("t", nodeOf(s), "n", "2")
		}},
		"a session that began without any node gets one later": {2, 0, func(w *world, a *instance) {
			w.all(off)
			time.Sleep(10 * time.Second)
			s := a.begin("t")
			if nodeOf(s) != "" {
				w.t.Errorf("it is on %s", nodeOf(s))
			}
			a.must(change(s, plus("n", 1)))
			w.all(nil)
			time.Sleep(10 * time.Second)
			if nodeOf(s) == "" {
				w.t.Error("it has no node")
			}
			w.wantStored("t", nodeOf(s), "n", "2")
		}},
		"a write that was done although it failed is not done twice": {1, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			w.servers["n1"].Fail(mute(1))
			a.must(change(s, plus("n", 1)))
			settle()
			if got := value(s, "n"); got != "2" {
				w.t.Errorf("n = %s", got)
			}
			a.must(change(s, plus("n", 1)))
			settle()
			w.wantStored("t", "n1", "n", "3")
		}},
		"nor is one that was done although it failed, with another one after it": {1, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			w.servers["n1"].Fail(mute(1))
			a.must(change(s, plus("n", 1)))
			time.Sleep(90 * time.Millisecond)
			a.must(change(s, plus("n", 10)))
			settle()
			w.wantStored("t", "n1", "n", "12")
		}},
		"nor when so many writes failed that only the difference is remembered, in the middle of the one that succeeds": {1, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			n1 := w.servers["n1"]
			before := n1.Count(writes)
			n1.Fail(mute(9))
			if err := change(s, plus("n", 1)); errors.Is(err, replica.ErrUnavailable) {
				return // its request gets the error, and nothing is remembered
			}
			nodetest.Until(w.t, func() bool { return n1.Count(writes) == before+9 })
			n1.Fail(nodetest.Slow(100 * time.Millisecond))
			begun := n1.Count(reads)
			nodetest.Until(w.t, func() bool { return n1.Count(reads) > begun })
			a.must(change(s, plus("n", 10)))
			n1.Fail(nil)
			settle()
			if c := a.Counts(); value(s, "n") != "12" || c.PendingChanges != 0 || local.Remembered(s.Session) != 0 {
				w.t.Errorf("n = %s, %+v", value(s, "n"), c)
			}
			s, err := a.get("t", "n1") // its own old write may look like that of another instance: then the session has left
			a.must(err)
			a.must(change(s, plus("n", 1)))
			settle()
			w.wantStored("t", "n1", "n", "13")
		}},
		"a beginning whose first backup does not answer keeps its values": {3, 1, func(w *world, a *instance) {
			for i := range 10 { // for some of them n1 is the backup
				token := fmt.Sprint("t", i)
				if a.replica.FirstNode(token) == "n1" {
					continue
				}
				w.servers["n1"].Fail(mute(1))
				s := a.begin(token)
				settle()
				w.servers["n1"].Fail(nil)
				if value(s, "n") != "1" {
					w.t.Errorf("n = %q", value(s, "n"))
				}
				w.wantStored(token, nodeOf(s), "n", "1")
			}
		}},
		"a beginning that was stored although it failed is not a second session": {1, 0, func(w *world, a *instance) {
			w.servers["n1"].Fail(mute(1))
			s := a.begin("t")
			a.must(change(s, plus("n", 1)))
			settle()
			a.must(change(s, plus("n", 1)))
			settle()
			w.wantStored("t", "n1", "n", "3")
		}},
	} {
		t.Run(name, func(t *testing.T) { inModes(t, c.servers, c.backups, c.test) })
	}
}

// TestTwoInstances checks what a load balancer may do to two instances.
func TestTwoInstances(t *testing.T) {
	for name, test := range map[string]func(w *world, a, b *instance){
		"a takeover finds the newest state, and makes a new version": func(w *world, a, b *instance) {
			s := a.begin("t")
			a.must(change(s, plus("n", 1)))
			settle()
			before := w.stored(nodeOf(s), "t").Version
			taken := b.takeOver("t", nodeOf(s))
			if value(taken, "n") != "2" || w.stored(nodeOf(s), "t").Version != before+1 {
				w.t.Errorf("n = %s, version %d after %d", value(taken, "n"), w.stored(nodeOf(s), "t").Version, before)
			}
		},
		"after a takeover the old instance's unsaved changes are merged, and its copy leaves": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			w.all(nodetest.Slow(30 * time.Millisecond))
			go a.change(s, "t", plus("n", 1))
			go a.change(s, "t", put("a", "x"))
			taken := b.takeOver("t", nodeOf(s))
			w.all(nil)
			b.must(change(taken, plus("n", 10)))
			b.must(change(taken, put("b", "y")))
			settle()
			for _, want := range [][2]string{{"n", "12"}, {"a", "x"}, {"b", "y"}} {
				w.wantStored("t", nodeOf(taken), want[0], want[1])
			}
		},
		"a balancer that flips between them never serves old values": func(w *world, a, b *instance) {
			s := a.begin("t")
			node, on, other := nodeOf(s), b, a
			for i := range 20 {
				time.Sleep(200 * time.Millisecond)
				s = on.takeOver("t", node)
				if value(s, "n") != fmt.Sprint(i+1) {
					w.t.Fatalf("flip %d: n = %s", i, value(s, "n"))
				}
				on.must(change(s, plus("n", 1)))
				on, other = other, on
			}
		},
		"both serve it at the same time: nothing of either is lost": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			b.takeOver("t", node)
			for i := range 50 {
				for name, x := range map[string]*instance{"a": a, "b": b} {
					for {
						s, err := x.get("t", node)
						x.must(err)
						if err = change(s, func(rec *record.Record) error {
							rec.Set(fmt.Sprint(name, i), []byte("1"))
							return plus("n", 1)(rec)
						}); !errors.Is(err, local.ErrRemoved) {
							x.must(err)
							break
						}
					}
				}
				time.Sleep(time.Duration(i) * time.Millisecond)
			}
			settle()
			w.wantStored("t", node, "n", "101")
			for i := range 50 {
				w.wantStored("t", node, fmt.Sprint("a", i), "1")
				w.wantStored("t", node, fmt.Sprint("b", i), "1")
			}
		},
		"an instance crashes: another one has what was stored": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			a.must(change(s, plus("n", 1)))
			time.Sleep(100 * time.Millisecond)
			node := nodeOf(s)
			a.crash()
			time.Sleep(10 * time.Second)
			if got := value(b.takeOver("t", node), "n"); got != "2" {
				w.t.Errorf("n = %s", got)
			}
		},
		"a logout at the other one ends it here, with its unsaved changes": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			b.must(b.takeOver("t", node).Destroy(context.Background()))
			_ = change(s, plus("n", 1))
			settle()
			if a.Get("t") != nil || a.Counts().PendingChanges != 0 {
				w.t.Errorf("%+v", a.Counts())
			}
			if got := w.holds("t"); len(got) != 0 {
				w.t.Errorf("on %v", got)
			}
		},
		"an old cookie finds nothing old where another instance has taken over, half a second later": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			taken, err := b.TakeOver(context.Background(), "t", node, "a")
			b.must(err)
			b.must(change(taken, plus("n", 1)))
			time.Sleep(500 * time.Millisecond)
			if a.Get("t") != nil {
				w.t.Error("the old copy is still served")
			}
			if s, err := a.get("t", node); err != nil || value(s, "n") != "2" {
				w.t.Errorf("%v", err)
			}
		},
		"so a logout at the other one is final here too, although the node with it dies": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			taken, err := b.TakeOver(context.Background(), "t", node, "a")
			b.must(err)
			b.must(taken.Destroy(context.Background()))
			time.Sleep(500 * time.Millisecond)
			w.servers[node].Restart(nil)
			settle()
			if a.Get("t") != nil || len(w.holds("t")) > 0 {
				w.t.Errorf("it is back, on %v", w.holds("t"))
			}
		},
		"what the old instance stores late is seen by the new one": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			a.must(change(s, plus("n", 1)))
			taken, err := b.TakeOver(context.Background(), "t", nodeOf(s), "a")
			b.must(err)
			if got := value(taken, "n"); got != "1" && !a.Sync {
				w.t.Errorf("n = %s: it was stored already", got)
			}
			settle()
			again, err := b.get("t", nodeOf(taken))
			b.must(err)
			if got := value(again, "n"); got != "2" {
				w.t.Errorf("n = %s", got)
			}
		},
		"a notice that is older than the session does nothing": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			_, err := b.TakeOver(context.Background(), "t", node, "a")
			b.must(err)
			_, err = a.TakeOver(context.Background(), "t", node, "b") // and back, before the message is read
			a.must(err)
			settle()
			if a.Get("t") == nil || b.Get("t") != nil {
				w.t.Error("the wrong copy has left")
			}
		},
		"a logout stays one, though a node loses it and an old copy is in memory": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			b.must(b.takeOver("t", nodeOf(s)).Destroy(context.Background()))
			time.Sleep(20 * time.Minute) // a tombstone of a minute would be gone
			a.Get("t")
			settle()
			if got := w.holds("t"); len(got) != 0 || a.Get("t") != nil {
				w.t.Errorf("on %v", got)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for mode, config := range modes {
				t.Run(mode, func(t *testing.T) {
					inWorld(t, 2, 0, func(w *world) {
						other := config
						config.Route, other.Route = "a", "b"
						test(w, w.start(config), w.start(other))
					})
				})
			}
		})
	}
}

// TestDestroy checks where a session has ended after Destroy.
func TestDestroy(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]func(w *world, a *instance){
		"it is over, here and elsewhere": func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			a.must(s.Destroy(ctx))
			if a.Get("t") != nil || len(w.holds("t")) > 0 || a.Counts().Sessions != 0 {
				w.t.Error("it lives")
			}
			if err := change(s, plus("n", 1)); !errors.Is(err, local.ErrRemoved) {
				w.t.Errorf("%v", err)
			}
			if _, err := a.get("t", node); !errors.Is(err, replica.ErrNoSession) {
				w.t.Errorf("%v", err)
			}
		},
		"a session that was not stored yet leaves nothing": func(w *world, a *instance) {
			s := a.begin("t")
			a.must(s.Destroy(ctx))
			settle()
			if len(w.holds("t")) > 0 || a.Counts().PendingChanges != 0 {
				w.t.Errorf("on %v, %+v", w.holds("t"), a.Counts())
			}
		},
		"its node is dead and comes back with it: it stays dead": func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			w.servers[node].Fail(off)
			a.must(s.Destroy(ctx))
			w.servers[node].Fail(nil)
			time.Sleep(10 * time.Second)
			b := w.start(local.Config{})
			if _, err := b.get("t", node); !errors.Is(err, replica.ErrNoSession) {
				w.t.Errorf("the old cookie: %v", err)
			}
		},
		"without any node it fails, and the session lives on": func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			w.all(off)
			if err := s.Destroy(ctx); !errors.Is(err, replica.ErrUnavailable) {
				w.t.Errorf("%v", err)
			}
			if s := a.Get("t"); s == nil || value(s, "n") != "1" {
				w.t.Error("it is gone")
			}
		},
	} {
		t.Run(name, func(t *testing.T) { inModes(t, 2, 0, test) })
	}
}

// TestRenew checks what goes along to the new token, and what is left under the old one.
func TestRenew(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]func(w *world, a *instance){
		"the values go on under the new token, stored; the old one is dead": func(w *world, a *instance) {
			s := a.begin("t")
			a.must(change(s, plus("n", 1)))
			next, err := s.Renew(ctx, renewal(a, s, "u"))
			a.must(err)
			if value(next, "n") != "2" || a.Get("t") != nil || a.Get("u") == nil || len(w.holds("t")) > 0 {
				w.t.Errorf("n = %s; the old one on %v", value(next, "n"), w.holds("t"))
			}
			w.wantStored("u", nodeOf(next), "n", "2")
		},
		"a change at the same time goes along": func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			w.all(nodetest.Slow(20 * time.Millisecond))
			done := make(chan *session)
			go func() {
				next, err := s.Renew(ctx, renewal(a, s, "u"))
				a.must(err)
				done <- next
			}()
			acknowledged := 0
			for range 20 {
				time.Sleep(5 * time.Millisecond)
				if change(s, plus("n", 1)) == nil {
					acknowledged++
				}
			}
			next := <-done
			w.all(nil)
			settle()
			if acknowledged == 0 && !a.Sync { // with Sync they wait, and end with the session
				w.t.Error("no change came in between")
			}
			var n int
			fmt.Sscan(value(next, "n"), &n)
			if n < 1+acknowledged || n > 21 {
				w.t.Errorf("n = %d after %d acknowledged changes", n, acknowledged)
			}
			w.wantStored("u", nodeOf(next), "n", value(next, "n"))
		},
		"what another instance stores in the middle of it goes along": func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			b := w.start(local.Config{Sync: true})
			other, err := b.get("t", nodeOf(s))
			b.must(err)
			w.all(nodetest.Slow(20 * time.Millisecond))
			go func() {
				time.Sleep(25 * time.Millisecond) // between the look at the old session and its end
				b.must(change(other, put("b", "x")))
			}()
			next, err := s.Renew(ctx, renewal(a, s, "u"))
			a.must(err)
			w.all(nil)
			settle()
			if value(next, "b") != "x" || value(next, "n") != "1" || len(w.holds("t")) > 0 {
				w.t.Errorf("b = %q, n = %q, the old one on %v", value(next, "b"), value(next, "n"), w.holds("t"))
			}
			w.wantStored("u", nodeOf(next), "b", "x")
		},
		"what another instance stored before goes along": func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			b := w.start(local.Config{Sync: true})
			b.must(change(b.takeOver("t", nodeOf(s)), put("b", "x")))
			next, err := s.Renew(ctx, renewal(a, s, "u"))
			if errors.Is(err, local.ErrRemoved) {
				again := a.takeOver("t", nodeOf(s))
				next, err = again.Renew(ctx, renewal(a, again, "u"))
			}
			a.must(err)
			if value(next, "b") != "x" || value(next, "n") != "1" {
				w.t.Errorf("b = %q, n = %q", value(next, "b"), value(next, "n"))
			}
		},
		"without any node it fails, and the session lives on under its id": func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			w.all(off)
			if _, err := s.Renew(ctx, renewal(a, s, "u")); !errors.Is(err, replica.ErrUnavailable) {
				w.t.Errorf("%v", err)
			}
			if a.Get("t") == nil || a.Get("u") != nil {
				w.t.Error("it is gone")
			}
		},
		"a session that began without any node can be renewed without one": func(w *world, a *instance) {
			w.all(off)
			time.Sleep(10 * time.Second)
			s := a.begin("t")
			next, err := s.Renew(ctx, renewal(a, s, "u"))
			a.must(err)
			w.all(nil)
			time.Sleep(10 * time.Second)
			if a.Get("t") != nil || len(w.holds("t")) > 0 || a.Counts().PendingChanges != 0 {
				w.t.Errorf("the old one on %v, %+v", w.holds("t"), a.Counts())
			}
			w.wantStored("u", nodeOf(next), "n", "1")
		},
	} {
		t.Run(name, func(t *testing.T) { inModes(t, 2, 0, test) })
	}
}

// TestRenewTakesAlongWhatOnlyMemoryHas has a request change the session while a login stores what was changed before.
// That change is not stored. Before the login ends the old session, another instance stores something in it. The new
// session must have all of that.
func TestRenewTakesAlongWhatOnlyMemoryHas(t *testing.T) {
	inWorld(t, 2, 0, func(w *world) {
		a, b := w.start(local.Config{}), w.start(local.Config{Sync: true})
		s := a.begin("t")
		settle()
		other, err := b.get("t", nodeOf(s))
		b.must(err)
		a.must(change(s, plus("n", 1)))
		during, between := nodetest.Writes(sid.Key("msm:", sid.Record, "t")), nodetest.Writes(sid.Key("msm:", sid.Record, "u"))
		storing := nodetest.Once(during, func() { a.must(change(s, put("a", "x"))) })
		ending := nodetest.Once(between, func() { b.must(change(other, put("b", "y"))) })
		w.all(func(ctx context.Context, op nodetest.Op, do func() error) error {
			return storing(ctx, op, func() error { return ending(ctx, op, do) })
		})
		next, err := s.Renew(context.Background(), renewal(a, s, "u"))
		a.must(err)
		if got := [3]string{value(next, "n"), value(next, "a"), value(next, "b")}; got != [3]string{"2", "x", "y"} {
			t.Errorf("n, a and b are %q", got)
		}
	})
}

// TestRenewalInFullMemory checks that the old session does not leave while the new one begins, although other sessions
// need its room. If it left and was loaded again, what is done to it then would be lost. (Seed 68 of the simulation of
// requests.)
func TestRenewalInFullMemory(t *testing.T) {
	for _, sync := range []bool{true, false} {
		inWorld(t, 2, 1, func(w *world) {
			a := w.start(local.Config{Sync: sync, MaxSessions: 2})
			s := a.begin("t")
			settle()
			r := renewal(a, s, "u")
			begin := r.Successor
			r.Successor = func(of *record.Record) *record.Record {
				for _, other := range []string{"v", "w"} {
					a.begin(other)
					settle()
				}
				if a.Get("t") == nil {
					t.Error("it has left")
				}
				return begin(of)
			}
			next, err := s.Renew(context.Background(), r)
			a.must(err)
			if value(next, "n") != "1" || len(w.holds("t")) > 0 {
				t.Errorf("n = %q, the old one on %v", value(next, "n"), w.holds("t"))
			}
		})
	}
}

// TestRefill restarts a node of 1,000 sessions empty. No request comes, and then the instance crashes. Every session
// must be found. (memcached-session-manager loses half of them.)
func TestRefill(t *testing.T) {
	inWorld(t, 2, 0, func(w *world) {
		a := w.start(local.Config{})
		nodes := map[string]string{}
		for i := range 1000 {
			token := fmt.Sprint("t", i)
			nodes[token] = nodeOf(a.begin(token))
		}
		settle()
		w.servers["n1"].Restart(nil)
		time.Sleep(5 * time.Second)
		if got := a.Counts().Refilled; got < 400 || got > 600 {
			t.Errorf("%d sessions were stored again", got)
		}
		a.crash()
		b := w.start(local.Config{})
		found := 0
		for token, node := range nodes {
			if s, err := b.TakeOver(context.Background(), token, node, "a"); err == nil && value(s, "n") == "1" {
				found++
			}
		}
		if found != 1000 {
			t.Errorf("%d of 1,000 sessions are there", found)
		}
	})
}

// TestRefillIsPaced checks that a node that comes back is not flooded.
func TestRefillIsPaced(t *testing.T) {
	inWorld(t, 1, 0, func(w *world) {
		a := w.start(local.Config{RefillRate: 100})
		for i := range 1000 {
			a.begin(fmt.Sprint("t", i))
		}
		settle()
		w.servers["n1"].Restart(nil)
		time.Sleep(5 * time.Second)
		if n := w.servers["n1"].Count(writes); n < 1000+300 || n > 1000+500 {
			t.Errorf("%d sessions within 5 s at 100 a second", n-1000)
		}
		time.Sleep(10 * time.Second)
		if n := w.servers["n1"].Count(writes); n != 2000 {
			t.Errorf("%d sessions in the end", n-1000)
		}
	})
}
