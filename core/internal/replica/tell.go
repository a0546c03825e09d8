package replica

import (
	"context"
	"sync"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/pace"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/sid"
)

// tell leaves a message about the session for the instance of that route, or for all instances if there is no route, in
// mailboxes (see package mailbox). If it cannot be left nothing is lost: versions keep writes safe without it.
func (a *Access) tell(ctx context.Context, route string, m mailbox.Message) {
	m, ours := a.Message(m)
	if !ours {
		return
	}
	var all sync.WaitGroup
	for _, n := range a.TellAt() {
		all.Go(func() {
			if err := a.store.Mail.Post(ctx, n, route, m); node.OutOfTime(err) {
				a.before.Add(n.InVain())
			}
		})
	}
	all.Wait()
}

// Message returns a message of this moment about the session. It is false if others cannot be told about it, because its
// key is none of a session.
func (a *Access) Message(m mailbox.Message) (mailbox.Message, bool) {
	session, ours := sid.ParseKey(a.store.KeyPrefix, sid.Record, a.key)
	m.Session, m.At = session, a.store.Clock()
	return m, ours
}

// TellAt returns the nodes on which messages about the session are left, two at most: its own and another one, so that
// none is lost with one of them (rule M1).
func (a *Access) TellAt() (at []*node.Node) {
	if home, usable := a.usableNode(a.node); usable {
		at = append(at, home)
	}
	for _, n := range a.store.Cluster.Ranking(a.key) {
		if len(at) < 2 && n.ID() != a.node && a.usable(n) {
			at = append(at, n)
		}
	}
	return at
}

// namesStrangers reports whether the record, or the client's id, names a node that is not in this instance's list.
// While the list is being changed, others may have that node in theirs.
func (a *Access) namesStrangers(rec *record.Record) bool {
	if _, known := a.store.Cluster.Node(a.named); !known && a.named != "" {
		return true
	}
	for _, c := range rec.Copies {
		if _, known := a.store.Cluster.Node(c.Node); !known {
			return true
		}
	}
	return false
}

// Mourn has other instances end a session that this one was to end, and has not found (rule M7). Its id may name a node
// that is not in the list here, but may be in theirs; then Mourn waits until all have had time to hear. Or the id names
// another instance, by its route, which may not have stored the session yet. Otherwise Mourn does nothing.
func (a *Access) Mourn(ctx context.Context, route string) {
	end := mailbox.Message{Kind: mailbox.End}
	switch {
	case a.namesStrangers(&record.Record{}):
		a.tell(ctx, "", end)
		_ = pace.Sleep(ctx, mailbox.MaxDelay)
	case route != "" && route != a.store.Route:
		a.tell(ctx, route, end)
	}
}

// Short returns a short hash of the session's key, by which messages about the session are matched with it.
func (a *Access) Short() uint64 { return cluster.Hash(a.key) }

// Short returns the same hash for the session that a message is about.
func (s *Store) Short(session sid.Hash) uint64 {
	return cluster.Hash(session.Key(s.KeyPrefix, sid.Record))
}
