package local

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

const noticeQueue = 1024

// post is a message for another instance.
type post struct {
	access *replica.Access
	route  string
	news.Message
}

// tookOver tells the instance that served the session, off the request's path, that its copy is old. The client's id names
// another one if it is not the session's newest.
func (st *Store) tookOver(s *Session, former, named string) {
	st.takeovers.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from = cmp.Or(former, named)
	s.tell(news.Message{Kind: news.Taken, Version: s.stored.Version}, s.from, named)
}

// tell posts a message about the session to the instances of those routes, each once, and not to this one. Guarded by mu.
func (s *Session) tell(m news.Message, routes ...string) {
	for i, route := range routes {
		if route == "" || route == s.store.Route || slices.Contains(routes[:i], route) {
			continue
		}
		s.store.toPost(post{s.store.Replica.Open(s.token, s.node), route, m})
	}
}

func (st *Store) toPost(p post) {
	select {
	case st.posts <- p:
	default: // that instance learns of it with its next write of the session
	}
}

// notify posts messages until ctx ends.
func (st *Store) notify(ctx context.Context) {
	for ctx.Err() == nil { // its end comes before what is left to post
		select {
		case <-ctx.Done():
			return
		case p := <-st.posts:
			p.access.Tell(ctx, p.route, p.Message)
		}
	}
}

// Hear takes messages of other instances about sessions that may be in memory. What they say of a session together counts.
func (st *Store) Hear(ctx context.Context, list []news.Message) {
	newest := make(map[uint64]news.Message, len(list))
	for _, m := range list {
		short := st.Replica.Short(m.Session)
		if old, told := newest[short]; !told || stronger(m, old) {
			newest[short] = m
		}
	}
	for s, m := range st.named(newest) {
		if !ends(m) {
			s.outdated(m)
		} else if err := s.Destroy(ctx); err != nil && !errors.Is(err, replica.ErrNoSession) {
			s.outdated(m)
		}
	}
}

func ends(m news.Message) bool { return m.Kind == news.Ended || m.Kind == news.End }

// stronger: a message says more than another one about the same session.
func stronger(m, than news.Message) bool {
	if x, y := ends(m), ends(than); x != y {
		return x
	}
	return m.Version >= than.Version
}

// named are the sessions in memory that messages are about.
func (st *Store) named(notices map[uint64]news.Message) iter.Seq2[*Session, news.Message] {
	return func(yield func(*Session, news.Message) bool) {
		for i := range st.shards {
			for _, s := range st.shards[i].list() {
				if n, told := notices[s.short]; told && !yield(s, n) {
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
		s.tell(news.Message{Kind: news.Changed, Version: rec.Version}, rec.Route)
	}
}

// outdated: another instance has taken the session over, or changed it. What is here and not stored is merged with what
// that one has, and then leaves. Who serves the session keeps it, and reads what has changed: its memory is what is left of
// the session if the nodes lose it.
func (s *Session) outdated(by news.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ends(by) && s.stored.Version >= by.Version {
		return
	}
	if by.Kind == news.Changed {
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
