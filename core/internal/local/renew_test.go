package local_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// renewBehind renews a session in the background. The channel gets the new one.
func (a *instance) renewBehind(s *session, token string) <-chan *session {
	done := make(chan *session)
	go func() {
		next, err := s.Renew(context.Background(), renewal(a, s, token))
		a.must(err)
		done <- next
	}()
	return done
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
			done := a.renewBehind(s, "u")
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
		"a change goes along that comes before this instance reads of the end of the old one": func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			w.all(nodetest.Slow(20 * time.Millisecond))
			done := a.renewBehind(s, "u")
			for range 20 { // a mailbox has it as soon as the old one has ended
				time.Sleep(5 * time.Millisecond)
				if len(w.holds("t")) == 0 {
					break
				}
			}
			acknowledged := 1
			if change(s, plus("n", 1)) == nil {
				acknowledged++
			}
			go a.hear(mailbox.Message{Kind: mailbox.Ended, Session: sid.HashOf("t")})
			next := <-done
			w.all(nil)
			settle()
			if value(next, "n") != fmt.Sprint(acknowledged) || acknowledged < 2 && !a.Sync {
				w.t.Errorf("n = %s; %d are acknowledged", value(next, "n"), acknowledged)
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
			if a.Get("t") != nil || len(w.holds("t")) > 0 || a.Gauges().PendingChanges != 0 {
				w.t.Errorf("the old one on %v, %+v", w.holds("t"), a.Gauges())
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

func renewal(a *instance, s *session, token string) local.Renewal {
	base, _ := s.Rehome()
	return local.Renewal{
		Token: token, Node: a.replica.FirstNode(token), Base: base, Work: base, Redo: func(*record.Record) error { return nil },
		Successor: func(of *record.Record) *record.Record {
			now := time.Now()
			return &record.Record{Created: of.Created, LastAccess: now, IdleTimeout: idle, Transcoder: "text", Attributes: of.Attributes}
		},
	}
}
