package replica_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// mail is what lies in one kind of mailbox, on all nodes.
type mail struct {
	world *world
	at    []string
	list  []mailbox.Message
}

func (m *mail) Receive(_ context.Context, at *node.Node, list []mailbox.Message) {
	for _, x := range list {
		m.at, m.list = append(m.at, at.ID()), append(m.list, x)
	}
}

func (m *mail) CaughtUp(time.Time) {}

// mail reads the mailboxes for the instance of that route, or with no route those for all, on every node that answers.
// From then on the instance has a mailbox.
func (w *world) mail(route string) *mail {
	m := &mail{world: w}
	inbox := mailbox.NewInbox(m, mailbox.Mail{KeyPrefix: "msm:", Clock: time.Now}, route)
	for _, s := range w.servers {
		_ = s.Node(s.Client(""), node.Options{EpochKey: "epoch", Watch: []string{mailbox.Key("msm:", route)}, OnProbe: inbox.Probed}).Probe(context.Background())
	}
	inbox.Read(context.Background())
	return m
}

// obey has the world's store do what the messages ask for.
func (m *mail) obey() error {
	for i, x := range m.list {
		if err := m.world.store.Receive(context.Background(), x, m.at[i]); err != nil {
			return fmt.Errorf("from %s: %w", m.at[i], err)
		}
	}
	return nil
}

// TestBury: the tombstone replaces an older copy on a node that it does not name, and something there that nobody can
// read.
func TestBury(t *testing.T) {
	w := newWorld(t, 3, 1)
	home, _ := w.create()
	old := w.stored(home).Append(nil)
	w.without(home, func() {
		if err := w.store.Open(token, home).Destroy(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
	})
	w.probe()
	told := w.mail("")
	if len(told.list) != 1 || told.list[0].Kind != mailbox.Ended {
		t.Fatalf("%+v", told.list)
	}
	for name, there := range map[string][]byte{
		"an older copy":               old,
		"something that is no record": {record.FormatVersion, 255},
	} {
		w.overwrite(home, there)
		if err := told.obey(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if rec := w.stored(home); rec == nil || !rec.Tombstone {
			t.Errorf("%s: the node has %+v", name, rec)
		}
	}
}

// TestManyLogoutsAtOnce: G6. Others hear of every logout of an instance that is cut off from the sessions' node.
func TestManyLogoutsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, 1)
		cut := w.another([]string{"n1", "n2", "n3"}, "n1")
		var tokens []string
		for i := 0; len(tokens) < 300; i++ {
			a := w.store.Open(fmt.Sprint(i), "")
			if _, err := a.Create(context.Background(), session()); err != nil {
				t.Fatal(err)
			}
			if a.Home() == "n1" {
				tokens = append(tokens, fmt.Sprint(i))
			}
		}
		for _, s := range w.servers {
			s.Fail(nodetest.Slow(time.Millisecond)) // so that the logouts overlap
		}
		var all sync.WaitGroup
		for _, token := range tokens {
			all.Go(func() {
				if err := cut.Open(token, "n1").Destroy(context.Background(), nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if err := w.mail("").obey(); err != nil {
			t.Fatal(err)
		}
		alive := 0
		for _, token := range tokens {
			if _, err := w.store.Open(token, "n1").Load(context.Background()); !errors.Is(err, replica.ErrNoSession) {
				alive++
			}
		}
		if alive > 0 {
			t.Errorf("%d of %d sessions live on at an instance that reaches their node", alive, len(tokens))
		}
	})
}

// another returns a second store with its own list of nodes, some of which it does not reach.
func (w *world) another(list []string, cut ...string) *replica.Store {
	var members []cluster.Member
	for _, id := range list {
		way := w.servers[id].Client("another")
		n := w.servers[id].Node(way, node.Options{EpochKey: "epoch"})
		_ = n.Probe(context.Background())
		if slices.Contains(cut, id) {
			way.Fail(off)
		}
		members = append(members, cluster.Member{Node: n})
	}
	c := w.store.Config
	c.Cluster = cluster.New(members)
	return replica.New(c)
}

// TestALogoutOfAnotherList: G6. While the list of nodes is being changed, a session ends through an instance that does
// not know its home. When the logout is answered, every instance has had time to hear of it.
func TestALogoutOfAnotherList(t *testing.T) {
	for name, c := range map[string]struct {
		backups int
		logout  func(a *replica.Access) error
		kind    mailbox.Kind
	}{
		"its backup is known": {1, func(a *replica.Access) error { return a.Destroy(context.Background(), nil) }, mailbox.Ended},
		"none of its nodes is known": {0, func(a *replica.Access) error {
			if _, err := a.Load(context.Background()); !errors.Is(err, replica.ErrNoSession) {
				return fmt.Errorf("it is found: %w", err)
			}
			a.Mourn(context.Background(), "")
			return nil
		}, mailbox.End},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 3, c.backups)
				home, _ := w.create()
				older := slices.DeleteFunc([]string{"n1", "n2", "n3"}, func(id string) bool { return id == home })
				begun := time.Now()
				if err := c.logout(w.another(older).Open(token, home)); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begun); took != 500*time.Millisecond {
					t.Errorf("it is answered after %v", took)
				}
				told := w.mail("")
				if len(told.list) != 1 || told.list[0].Kind != c.kind {
					t.Fatalf("%+v", told.list)
				}
				if err := told.obey(); err != nil {
					t.Fatal(err)
				}
				if rec, err := w.store.Open(token, home).Load(context.Background()); !errors.Is(err, replica.ErrNoSession) {
					t.Errorf("%+v, %v", rec, err)
				}
			})
		})
	}
}

// TestWhoIsNotStickyTells: an instance that is not sticky tells the one that serves a session from memory when it takes
// the session over, or ends it.
func TestWhoIsNotStickyTells(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(a *replica.Access) error
		want []mailbox.Kind
	}{
		"a read":  {func(a *replica.Access) error { _, err := a.Load(context.Background()); return err }, nil},
		"a heal":  {func(a *replica.Access) error { return a.Heal(context.Background()) }, nil},
		"a write": {func(a *replica.Access) error { _, err := a.Write(context.Background(), set("2")); return err }, []mailbox.Kind{mailbox.Taken}},
		"two writes": {func(a *replica.Access) error {
			_, err := a.Write(context.Background(), set("2"))
			_, again := a.Write(context.Background(), set("3"))
			return errors.Join(err, again)
		}, []mailbox.Kind{mailbox.Taken}},
		"a logout": {func(a *replica.Access) error { return a.Destroy(context.Background(), nil) }, []mailbox.Kind{mailbox.Ended}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			w.store.Route = "a"
			served := session()
			served.Route = "a"
			stored, err := w.store.Open(token, "").Create(context.Background(), served)
			if err != nil {
				t.Fatal(err)
			}
			w.mail("a")
			other := w.another([]string{"n1", "n2", "n3"})
			other.Route = ""
			if err := c.do(other.Open(token, stored.Home)); err != nil {
				t.Fatal(err)
			}
			var kinds []mailbox.Kind
			for _, m := range w.mail("a").list {
				kinds = append(kinds, m.Kind)
				if w.store.Short(m.Session) != w.store.Open(token, "").Short() {
					t.Errorf("about another session: %+v", m)
				}
			}
			if !slices.Equal(kinds, c.want) || len(w.mail("").list) > 0 {
				t.Errorf("told %v; want %v", kinds, c.want)
			}
		})
	}
}
