package local

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/replica"
)

// Hear takes in messages of other instances about sessions that may be in memory. Of several about one session the
// strongest counts.
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
			st.outdated(s, m)
		} else if err := st.Destroy(replica.WithFailures(ctx), s); err != nil && !errors.Is(err, replica.ErrNoSession) {
			st.outdated(s, m)
		}
	}
}

// named returns the sessions in memory that the messages are about.
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

// outdated handles the message that another instance has taken the session over, ended it or changed it (rule M11). In
// the first two cases the session leaves memory; changes here that are not stored are written first, so that they are
// merged with what the other instance has. If it was changed, this instance goes on serving it: it stays, and reads
// what has changed, because this memory is what is left of the session if the nodes lose it.
func (st *Store) outdated(s *Session, by news.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ends(by) && s.stored.Version >= by.Version {
		return
	}
	if by.Kind == news.Changed {
		s.markDirty()
		st.queue.at(time.Now(), s)
		return
	}
	s.told = true
	sh := st.shard(s.token)
	sh.mu.Lock()
	gone := st.leaveIfClean(sh, s)
	sh.mu.Unlock()
	if !gone {
		st.queue.at(time.Now(), s)
	}
}
