package local

import (
	"context"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/pace"
)

// workers is how many sessions are written at the same time. A node that hangs can block all of them, but only once,
// and for the timeout of one operation.
const workers = 16

// idlePoll is how often to look whether a node is back.
const idlePoll = 50 * time.Millisecond

// dispatch hands sessions to the workers when they are due, until ctx ends.
func (st *Store) dispatch(ctx context.Context, work chan<- *Session) {
	defer close(work)
	defer st.queue.endPressure()
	for ctx.Err() == nil {
		if !st.Replica.Cluster.Available() {
			st.queue.endPressure()
			_ = pace.Sleep(ctx, idlePoll)
			continue
		}
		s, wait := st.queue.next(time.Now())
		if s == nil {
			st.queue.sleep(ctx, wait)
			continue
		}
		select {
		case work <- s:
		case <-ctx.Done():
		}
	}
}

// work saves the sessions that it receives, and calls stored after each success. It does not cancel a write that has
// begun: each operation of it has a timeout.
func (st *Store) work(sessions <-chan *Session, stored func()) {
	for s := range sessions {
		if st.saveInTurn(s) == nil {
			stored()
		}
	}
}

// saveInTurn waits for its turn to write the session, and saves it. A write that fails is queued again; see finish.
func (st *Store) saveInTurn(s *Session) error {
	ctx := node.WithFailures(st.Replica.Random.As(context.Background(), "write-behind", s.token))
	s.beginWriteBehind(ctx)
	defer s.endSaving()
	if st.putsOff(s) {
		return nil
	}
	return st.save(ctx, s)
}

// putsOff puts off a write without changes while a node is suspect: an operation there has run out of time, and no
// probe has looked at the node since (rule H16). Such a write only repairs copies or records a use. It might meet that
// node once more, and requests of the session would wait for it. putsOff reports whether the write is due later. The
// caller has begun saving.
func (st *Store) putsOff(s *Session) bool {
	if st.closing.Load() || !st.Replica.Suspects() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored.Version == 0 || s.pending.requests > 0 {
		return false
	}
	st.queue.scheduleAt(time.Now().Add(idlePoll), s)
	return true
}
