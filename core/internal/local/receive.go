package local

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/replica"
)

// Receive takes in messages of other instances about sessions that may be in memory. Of several about one session the
// strongest counts.
func (st *Store) Receive(ctx context.Context, list []mailbox.Message) {
	strongest := make(map[uint64]mailbox.Message, len(list))
	for _, m := range list {
		if m.Kind == mailbox.Missed {
			st.hearing.miss(time.Now())
			continue
		}
		short := st.Replica.Short(m.Session)
		if ends(m) {
			st.over.Put(short, struct{}{}) // before it is looked for in memory: see keep
		}
		if old, told := strongest[short]; !told || stronger(m, old) {
			strongest[short] = m
		}
	}
	var over []*Session
	for s := range st.cache.all() {
		switch m, told := strongest[s.short]; {
		case !told:
		case ends(m):
			over = append(over, s)
		default:
			st.receive(s, m)
		}
	}
	st.endAll(ctx, over)
}

// endsAtOnce is how many sessions are ended on the nodes at the same time because others say that they have ended.
const endsAtOnce = 16

// endAll ends sessions that others have ended, whatever the nodes have (rule M11). Most have no unsaved change: these are
// not served any more before the first of them is ended on the nodes.
func (st *Store) endAll(ctx context.Context, list []*Session) {
	gone := make(map[*Session]bool, len(list))
	for _, s := range list {
		s.mu.Lock()
		gone[s] = st.cache.removeIfClean(s)
		s.mu.Unlock()
	}
	var all sync.WaitGroup
	free := make(chan struct{}, endsAtOnce)
	for _, s := range list {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			st.end(node.WithFailures(st.Replica.Random.As(ctx, "end of", s.token)), s, gone[s])
		})
	}
	all.Wait()
}

// end ends a session that others have ended. gone: it is not in memory any more.
func (st *Store) end(ctx context.Context, s *Session, gone bool) {
	if gone {
		s.mu.Lock()
		access := st.Replica.Open(s.token, s.node)
		st.outbox.tell(s, ended, s.owner.previous)
		s.mu.Unlock()
		_ = st.End(ctx, s.token, access) // what cannot be done now is left to the tombstone of who has told
		return
	}
	if err := st.Destroy(ctx, s); err != nil && !errors.Is(err, replica.ErrNoSession) {
		st.receive(s, ended)
	}
}

// receive handles the message that another instance has taken the session over, ended it or changed it (rule M11). In
// the first two cases the session leaves memory; changes here that are not stored are written first, so that they are
// merged with what the other instance has. If it was changed, this instance goes on serving it: it stays, and reads
// what has changed, because this memory is what is left of the session if the nodes lose it.
func (st *Store) receive(s *Session, m mailbox.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch effectOf(m, s.stored.Version) {
	case reread:
		s.state.markDirty()
		st.queue.scheduleAt(time.Now(), s)
	case letGo:
		s.owner.elsewhere = true
		if !st.cache.removeIfClean(s) {
			st.queue.scheduleAt(time.Now(), s)
		}
	}
}

// CaughtUp records that all messages have been read that other instances left before at. If some may have been missed
// since the call before, every session in memory is doubtful until it was compared with what is stored.
func (st *Store) CaughtUp(at time.Time) { st.hearing.hear(at) }
