package local

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

const (
	noticeEvery = 250 * time.Millisecond // as often as nodes are probed
	noticeQueue = 1024
)

// post is a notice for another instance.
type post struct {
	node, route string
	replica.Notice
}

// tookOver tells the instance that served the session, off the request's path, that its copy is old. The client's id names
// another one if it is not the session's newest.
func (st *Store) tookOver(s *Session, former, named string) {
	st.takeovers.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from = cmp.Or(former, named)
	s.tell(replica.Notice{Version: s.stored.Version}, s.from, named)
}

// tell posts a notice about the session to the instances of those routes, each once, and not to this one. Guarded by mu.
func (s *Session) tell(n replica.Notice, routes ...string) {
	n.Session, n.At = s.short.Load(), time.Now()
	for i, route := range routes {
		if route == "" || route == s.store.Route || slices.Contains(routes[:i], route) {
			continue
		}
		s.store.toPost(post{s.node, route, n})
	}
}

func (st *Store) toPost(p post) {
	select {
	case st.posts <- p:
	default: // that instance learns of it with its next write of the session
	}
}

// notify posts and reads notices until ctx ends.
func (st *Store) notify(ctx context.Context) {
	tick := time.NewTicker(noticeEvery)
	defer tick.Stop()
	read := make(map[string]uint64) // the token of what was read last, by node
	for ctx.Err() == nil {          // its end comes before what is left to post
		select { // and what is due before that, however many there are
		case <-tick.C:
			st.readAll(ctx, read)
			continue
		default:
		}
		select {
		case <-ctx.Done():
			return
		case p := <-st.posts:
			st.post(ctx, p)
		case <-tick.C:
			st.readAll(ctx, read)
		}
	}
}

func (st *Store) readAll(ctx context.Context, read map[string]uint64) {
	for _, m := range st.Replica.Cluster.Members() {
		st.readNotices(ctx, m.Node.ID(), read)
	}
}

// post leaves the notice on the session's node and on another one, so that it is not lost with one. What cannot be posted
// is no loss: see tookOver.
func (st *Store) post(ctx context.Context, p post) {
	_ = st.Replica.Post(ctx, p.node, p.route, p.Notice)
	for _, m := range st.Replica.Cluster.Members() {
		if id := m.Node.ID(); id != p.node && m.Node.Available() {
			_ = st.Replica.Post(ctx, id, p.route, p.Notice)
			return
		}
	}
}

func (st *Store) readNotices(ctx context.Context, node string, read map[string]uint64) {
	list, token, err := st.Replica.Notices(ctx, node, st.Route)
	if err != nil || token == read[node] {
		return
	}
	read[node] = token
	newest := make(map[uint64]replica.Notice, len(list))
	for _, n := range list {
		if n.Version >= newest[n.Session].Version {
			newest[n.Session] = n
		}
	}
	for s, n := range st.named(newest) {
		s.outdated(n)
	}
}

// ended is told to who may still have a session that has been destroyed.
var ended = replica.Notice{Version: math.MaxUint64}

// Ended destroys sessions, given by replica.Access.Short, that another instance has destroyed: they leave, and what this one
// may have stored again since, while it could not reach the tombstone, ends as well.
func (st *Store) Ended(ctx context.Context, sessions []uint64) {
	named := make(map[uint64]replica.Notice, len(sessions))
	for _, short := range sessions {
		named[short] = ended
	}
	for s, n := range st.named(named) {
		if err := s.Destroy(ctx); err != nil && !errors.Is(err, replica.ErrNoSession) {
			s.outdated(n)
		}
	}
}

// named are the sessions in memory that notices are about.
func (st *Store) named(notices map[uint64]replica.Notice) iter.Seq2[*Session, replica.Notice] {
	return func(yield func(*Session, replica.Notice) bool) {
		for i := range st.shards {
			for _, s := range st.shards[i].list() {
				if n, told := notices[s.short.Load()]; told && !yield(s, n) {
					return
				}
			}
		}
	}
}

// served takes note of who serves the session after a write. If it is another instance, that one is told what it has not
// seen. Guarded by mu.
func (s *Session) served(w *write, rec *record.Record) {
	if s.told = rec.Route != s.store.Route; s.told && w.last != nil {
		s.tell(replica.Notice{Version: rec.Version, Serves: true}, rec.Route)
	}
}

// outdated: another instance has taken the session over, or changed it. What is here and not stored is merged with what
// that one has, and then leaves. Who serves the session keeps it, and reads what has changed: its memory is what is left of
// the session if the nodes lose it.
func (s *Session) outdated(by replica.Notice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored.Version >= by.Version {
		return
	}
	if by.Serves {
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
