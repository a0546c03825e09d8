package local

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/replica"
)

// Receive takes in messages of other instances about sessions that may be in memory. Of several about one session the
// strongest counts. Receive waits for no node. It returns what is left to be done on the nodes; each part may be tried
// again if it fails.
func (st *Store) Receive(list []mailbox.Message) (rest []func(ctx context.Context) error) {
	strongest := make(map[uint64]mailbox.Message, len(list))
	for _, m := range list {
		if m.Kind == mailbox.Missed {
			st.hearing.miss(time.Now())
			continue
		}
		short := st.Replica.Short(m.Session)
		if m.Ends() {
			st.over.Put(short, struct{}{}) // before it is looked for in memory: see keep
		}
		if old, told := strongest[short]; !told || stronger(m, old) {
			strongest[short] = m
		}
	}
	for s := range st.cache.all() {
		if m, told := strongest[s.short]; told && st.receive(s, m) == gone {
			rest = append(rest, func(ctx context.Context) error { return st.endStored(ctx, s) })
		}
	}
	return rest
}

// receive handles a message about a session in memory, and returns what it makes of it (rule M11). If another instance
// has changed the session, this one goes on serving it: it stays, and reads what has changed, because this memory is what
// is left of the session if the nodes lose it. If another instance has taken it over, it leaves; changes here that are
// not stored are written first, so that they are merged with what the other instance has.
func (st *Store) receive(s *Session, m mailbox.Message) effect {
	s.mu.Lock()
	defer s.mu.Unlock()
	does := effectOf(m, s.stored.Version)
	switch does {
	case reread:
		s.state.markDirty()
		st.queue.scheduleAt(time.Now(), s)
	case letGo:
		s.owner.elsewhere = true
		if !st.cache.removeIfClean(s) {
			st.queue.scheduleAt(time.Now(), s)
		}
	case gone: // what is not stored stays with it: if a renewal is under way here, that brings it along
		st.outbox.tell(s, ended, s.owner.previous)
		st.cache.remove(s)
	}
	return does
}

// endStored ends a session on the nodes, whatever they have of it, that has left memory because it has ended (rule M11).
// A write that has begun is finished first.
func (st *Store) endStored(ctx context.Context, s *Session) error {
	ctx = node.WithFailures(st.Replica.Random.As(ctx, "end of", s.token))
	st.Replica.Random.Pause(ctx) // several begin at the same moment, and draw from one source
	s.beginWriteBehind(ctx)
	defer s.endSaving()
	s.mu.Lock()
	st.dropPending(s)
	home := s.node
	s.mu.Unlock()
	if err := st.End(ctx, s.token, st.Replica.Open(s.token, home)); !errors.Is(err, replica.ErrNoSession) {
		return err
	}
	return nil
}

// CaughtUp records that all messages have been read that other instances left before at. If some may have been missed
// since the call before, every session in memory is doubtful until it was compared with what is stored.
func (st *Store) CaughtUp(at time.Time) { st.hearing.hear(at) }
