package msm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// Store keeps byte values under keys, for session libraries that bring their own ids, cookies and encoding. It is an
// scs.CtxStore, a fiber.Storage of versions 2 and 3, and what the module gorilla works with. A value has the copies,
// the failover and the repair that a session has, by Config.Backups; it is never held in memory, and always stored before
// a call returns. Safe for concurrent use.
//
// A key is any text. memcached sees only its hash, and it reaches neither a session of the Manager nor a value of
// another Store. As a key names no node, a value is looked for where it would be kept as things stand, and on every
// node if it is not there or not to be trusted; so a key that nobody has costs a look at every node. An instance
// remembers which values lie elsewhere. For about half a second after a node failed, or for as long as it alone reaches
// a node that the others do not, it may read what was there before.
//
// Values are whole: the last writer wins, and of two requests that change one session at the same time one loses.
// Deleted values leave a tombstone, for as long as a stale copy may exist. Commit respects it: a session that was deleted
// stays so, whatever a slower request writes. Set writes over it, as users of a storage expect; see Final.
//
// Errors are those of this package. Store trouble is never "not found".
type Store struct {
	manager *Manager
	space   string
	final   bool
}

// Store answers the store of that name: an instance may have several, and their keys do not meet. It needs no closing.
func (m *Manager) Store(name string) *Store { return &Store{manager: m, space: name} }

// Final answers the same store, whose Set does not write over a deleted value but answers ErrGone, as Commit does. It
// is for sessions that are saved with Set, such as fiber's, so that a logout is final.
func (s *Store) Final() *Store { return &Store{s.manager, s.space, true} }

// find answers a value of the caller's own, and whether there is one.
func (s *Store) find(ctx context.Context, key string) (value []byte, found bool, err error) {
	defer func() { s.manager.refusals.add(ctx, err) }()
	if s.manager.closed.Load() {
		return nil, false, ErrClosed
	}
	at := s.open(key)
	defer at.leave()
	rec, err := at.Load(ctx)
	if errors.Is(err, replica.ErrNoSession) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return foreignIn(rec, time.Now())
}

// put stores a value until expiry; one that is past deletes.
func (s *Store) put(ctx context.Context, key string, value []byte, expiry time.Time, final bool) error {
	now := time.Now()
	if !expiry.After(now) {
		return s.remove(ctx, key)
	}
	if limit := s.manager.config.MaxSessionSize; len(value) > limit {
		err := fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, len(value), limit)
		s.manager.refusals.add(ctx, err)
		return err
	}
	if latest := now.Add(forever); expiry.After(latest) {
		expiry = latest
	}
	return s.write(ctx, key, func(ctx context.Context, at *entrance) error {
		_, err := at.Put(ctx, foreign{value, expiry, final}.into)
		return err
	})
}

// remove deletes a value. That there is none is no error.
//
// The empty key is left alone. Session libraries delete it when a visitor without a session logs out: all of them would wait
// for each other there, for the sake of nothing.
func (s *Store) remove(ctx context.Context, key string) error {
	if key == "" {
		return nil
	}
	return s.write(ctx, key, func(ctx context.Context, at *entrance) error {
		err := at.Destroy(ctx, remainingLife)
		if errors.Is(err, replica.ErrNoSession) {
			return nil
		}
		return err
	})
}

// write runs one write after the other of those to one key in this instance, so that they do not meet at the node. What
// has begun is not given up when ctx ends: it would be half done.
func (s *Store) write(ctx context.Context, key string, do func(context.Context, *entrance) error) (err error) {
	defer func() { s.manager.refusals.add(ctx, err) }()
	if s.manager.closed.Load() {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	at := s.open(key)
	defer at.leave()
	if _, _, err := s.manager.turns.take(ctx, at.token); err != nil {
		return err
	}
	defer s.manager.turns.give(at.token, nil)
	return do(context.WithoutCancel(ctx), at)
}

// entrance is an access to the value of one key.
type entrance struct {
	*replica.Access
	manager      *Manager
	token, asked string
}

func (s *Store) open(key string) *entrance {
	at := &entrance{manager: s.manager, token: sid.Foreign(s.space, key)}
	at.asked = s.manager.homes.of(at.token)
	if _, known := s.manager.store.Cluster.Node(at.asked); at.asked == "" || !known {
		at.asked = s.manager.store.FirstNode(at.token)
	}
	at.Access = s.manager.store.Open(at.token, at.asked)
	return at
}

// leave remembers where the value lies, if it was not where it was looked for, and has mended off the request's path
// what there is to mend.
func (e *entrance) leave() {
	if home := e.Home(); home != e.asked {
		e.manager.homes.put(e.token, home)
	}
	if e.NeedsHeal() {
		e.manager.background.heal(e.token, e.Home())
	}
}
