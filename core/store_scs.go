package msm

import (
	"context"
	"time"
)

// Find is FindCtx without a context.
func (s *Store) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// FindCtx returns the value of a token, which is the caller's own, and whether there is one. It is no error if there is
// none, or it was deleted or has expired.
func (s *Store) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	return s.find(ctx, token)
}

// Commit is CommitCtx without a context.
func (s *Store) Commit(token string, b []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, b, expiry)
}

// CommitCtx stores a value until expiry, to the nanosecond and ten years at most; if that is past, the value is
// deleted. It returns ErrGone if the token was deleted: scs never uses one again, so this request was slower than a
// logout.
func (s *Store) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	return s.put(ctx, token, b, expiry, true)
}

// Delete is DeleteCtx without a context. It is also fiber's.
func (s *Store) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// DeleteCtx deletes a value on every node. It is no error if there is none. For the empty token, which is that of a
// visitor without a session, it does nothing.
func (s *Store) DeleteCtx(ctx context.Context, token string) error { return s.remove(ctx, token) }
