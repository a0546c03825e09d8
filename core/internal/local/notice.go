package local

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

const noticeQueue = 1024 // messages that wait to be sent

// post is a message to the instance of a route. It is left on that instance's board, a mailbox on a node.
type post struct {
	access *replica.Access
	route  string
	mailbox.Message
}

// tookOver tells the instance that served the session that its copy is outdated. It does so behind the request's back.
// former is the route in the stored record, named is the one in the client's id; they differ if the id is not the
// newest.
func (st *Store) tookOver(s *Session, former, named string) {
	st.takeovers.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from = cmp.Or(former, named)
	s.tell(mailbox.Message{Kind: mailbox.Taken, Version: s.stored.Version}, s.from, named)
}

// tell sends a message about the session to the instances of those routes: once to each, and not to this one. Guarded
// by mu.
func (s *Session) tell(m mailbox.Message, routes ...string) {
	for i, route := range routes {
		if route == "" || route == s.store.Route || slices.Contains(routes[:i], route) {
			continue
		}
		s.store.toPost(post{s.store.Replica.Open(s.token, s.node), route, m})
	}
}

// toPost queues a message. It never waits.
func (st *Store) toPost(p post) {
	select {
	case st.posts <- p:
	default: // the queue is full: that instance learns of it with its next write of the session
	}
}

// notify sends the queued messages until ctx ends.
func (st *Store) notify(ctx context.Context) {
	for ctx.Err() == nil { // do not send the rest of the queue first
		select {
		case <-ctx.Done():
			return
		case p := <-st.posts:
			p.access.Tell(ctx, p.route, p.Message)
		}
	}
}

// Hear takes in messages of other instances about sessions that may be in memory. Of several about one session the
// strongest counts.
func (st *Store) Hear(ctx context.Context, list []mailbox.Message) {
	newest := make(map[uint64]mailbox.Message, len(list))
	for _, m := range list {
		short := st.Replica.Short(m.Session)
		if old, told := newest[short]; !told || stronger(m, old) {
			newest[short] = m
		}
	}
	for s, m := range st.named(newest) {
		if !ends(m) {
			s.outdated(m)
		} else if err := s.Destroy(replica.WithFailures(ctx)); err != nil && !errors.Is(err, replica.ErrNoSession) {
			s.outdated(m)
		}
	}
}

// ends reports whether the message says that the session has ended or is to end.
func ends(m mailbox.Message) bool { return m.Kind == mailbox.Ended || m.Kind == mailbox.End }

// stronger reports whether m says as much as another message about the same session, or more.
func stronger(m, than mailbox.Message) bool {
	if x, y := ends(m), ends(than); x != y {
		return x
	}
	return m.Version >= than.Version
}

// named returns the sessions in memory that the messages are about.
func (st *Store) named(notices map[uint64]mailbox.Message) iter.Seq2[*Session, mailbox.Message] {
	return func(yield func(*Session, mailbox.Message) bool) {
		for i := range st.shards {
			for _, s := range st.shards[i].list() {
				if n, told := notices[s.short]; told && !yield(s, n) {
					return
				}
			}
		}
	}
}

// served records who serves the session after a write. If that is another instance, it is told what it has not seen
// (rule M8). Guarded by mu.
func (s *Session) served(w *write, rec *record.Record) {
	if s.told = rec.Route != s.store.Route; s.told && w.last != nil {
		s.tell(mailbox.Message{Kind: mailbox.Changed, Version: rec.Version}, rec.Route)
	}
}

// outdated handles the message that another instance has taken the session over, ended it or changed it (rule M11). In
// the first two cases the session leaves memory; changes here that are not stored are written first, so that they are
// merged with what the other instance has. If it was changed, this instance goes on serving it: it stays, and reads
// what has changed, because this memory is what is left of the session if the nodes lose it.
func (s *Session) outdated(by mailbox.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ends(by) && s.stored.Version >= by.Version {
		return
	}
	if by.Kind == mailbox.Changed {
		s.markDirty()
		s.store.queue.at(time.Now(), s)
		return
	}
	s.told = true
	sh := s.store.shard(s.token)
	sh.mu.Lock()
	gone := s.store.leaveIfClean(sh, s)
	sh.mu.Unlock()
	if !gone {
		s.store.queue.at(time.Now(), s)
	}
}
