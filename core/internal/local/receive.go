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
// strongest counts.
func (st *Store) Receive(ctx context.Context, list []mailbox.Message) {
	strongest := make(map[uint64]mailbox.Message, len(list))
	for _, m := range list {
		short := st.Replica.Short(m.Session)
		if old, told := strongest[short]; !told || stronger(m, old) {
			strongest[short] = m
		}
	}
	for s := range st.cache.all() {
		m, told := strongest[s.short]
		if !told {
			continue
		}
		if !ends(m) {
			st.receive(s, m)
		} else if err := st.Destroy(node.WithFailures(ctx), s); err != nil && !errors.Is(err, replica.ErrNoSession) {
			st.receive(s, m)
		}
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
