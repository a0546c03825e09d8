package local

import (
	"context"

	"github.com/gomsm/msm/core/internal/record"
)

// Create begins a session that no node has yet; node is the id of the node that it will be read from. The token must be
// new. Create returns ErrFull and replica.ErrTooLarge.
//
// While the nodes cannot keep up with sessions that begin, Create waits (rules L8 and L17). With Config.Sync, or once
// Close has begun, it stores the session before it returns, and returns the error of that write, too. With Config.Sync
// and no node available the session lives in memory alone until a node is back.
func (st *Store) Create(ctx context.Context, token, node string, first *record.Record) (*Session, error) {
	if !st.queue.waitForEase(ctx, &st.queue.newcomers) {
		return nil, ErrFull
	}
	s, err := st.create(token, node, first, true)
	if err != nil {
		return nil, err
	}
	if err := st.persist(ctx, s, 1); err != nil {
		st.drop(s)
		return nil, err
	}
	return s, nil
}

// drop takes a session out of memory that could not be stored, and whose token nobody knows.
func (st *Store) drop(s *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.dropPending(s)
	st.cache.remove(s)
}

// create is Create without the write. newcomer: the session is no other one's successor.
func (st *Store) create(token, node string, first *record.Record, newcomer bool) (*Session, error) {
	size, err := st.check(first)
	if err != nil {
		return nil, err
	}
	blank := *first
	blank.Attributes = nil
	s := newSession(token, node, &blank)
	s.short = st.Replica.Open(token, node).Short() // another instance may end the session before it is stored
	s.current = first
	s.size.Store(size)
	s.newcomer.Store(newcomer)
	s.state.set(dirty)
	s.changes = 1
	s.pending.add(diff(&blank, first, func() {}))
	if err := st.cache.insert(s); err != nil {
		return nil, err
	}
	st.pendingChanges.Add(1)
	return s, nil
}
