package msm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// Store keeps byte values under keys, for session libraries that have their own ids, cookies and encoding. It is an
// scs.CtxStore, a fiber.Storage of versions 2 and 3, and what the module gorilla works with. A value is copied, found
// after a failure and repaired like a session, by Config.Backups. It is never held in memory, and always stored before
// a call returns. Make a Store with Manager.Store; it is safe for concurrent use.
//
// A key is any text. memcached sees only its hash, and it reaches neither a session of the Manager nor a value of
// another Store. A key names no node, so a read asks the node first on which a new value would be made, and then every
// node if the value is not there or cannot be trusted; a key that nobody has costs a read on every node. An instance
// remembers which values lie elsewhere. For about half a second after a node failed, or as long as it alone reaches a
// node that the others do not, an instance may read an old value.
//
// Values are whole: the last writer wins, and of two requests that change one session at the same time one loses. A
// deleted value leaves a tombstone for as long as a stale copy may exist. Commit respects it and returns ErrGone, so a
// session that was deleted stays so, whatever a slower request writes. Set overwrites it, as users of a storage expect;
// see Final.
//
// Errors are those of this package, such as ErrUnavailable, ErrTooLarge for a value beyond Config.MaxSessionSize, and
// ErrClosed, or that of a context. Trouble of the nodes is never "not found". A write that has begun goes on when its
// context ends.
type Store struct {
	manager *Manager
	space   string
	final   bool
}

// Store returns the store of that name. Stores of one name share their values, in all instances, and those of different
// names do not. A store needs no closing.
func (m *Manager) Store(name string) *Store { return &Store{manager: m, space: name} }

// Final returns a Store with the same values, whose Set does not overwrite a deleted value but returns ErrGone, as
// Commit does. It is for sessions that are saved with Set, such as fiber's, so that a logout is final.
func (s *Store) Final() *Store { return &Store{s.manager, s.space, true} }

// find returns a value, which is the caller's own, and whether there is one.
func (s *Store) find(ctx context.Context, key string) (value []byte, found bool, err error) {
	defer func() { s.manager.refusals.add(ctx, err) }()
	if s.manager.closed.Load() {
		return nil, false, ErrClosed
	}
	at := s.manager.values.enter(s.token(key))
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

// put stores a value until expiry, and deletes it if that is past.
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

// remove deletes a value. It is no error if there is none.
//
// The empty key is left alone. Session libraries delete it when a visitor without a session logs out, and all these
// requests would wait for each other there, for nothing.
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

// write calls do for the key; see values.overwrite.
func (s *Store) write(ctx context.Context, key string, do func(context.Context, *entrance) error) (err error) {
	defer func() { s.manager.refusals.add(ctx, err) }()
	return s.manager.values.overwrite(ctx, s.token(key), do)
}

func (s *Store) token(key string) string { return sid.Foreign(s.space, key) }
