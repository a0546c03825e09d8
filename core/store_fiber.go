package msm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Get is GetWithContext without a context.
func (s *Store) Get(key string) ([]byte, error) { return s.GetWithContext(context.Background(), key) }

// GetWithContext returns the value of a key, which is the caller's own; nil and no error if there is none.
func (s *Store) GetWithContext(ctx context.Context, key string) ([]byte, error) {
	value, _, err := s.find(ctx, key)
	return value, err
}

// Set is SetWithContext without a context.
func (s *Store) Set(key string, val []byte, exp time.Duration) error {
	return s.SetWithContext(context.Background(), key, val, exp)
}

// SetWithContext stores a value for the time exp. Zero: until it is deleted, ten years at most; negative: the value is
// deleted. If the key or the value is empty, it does nothing.
func (s *Store) SetWithContext(ctx context.Context, key string, val []byte, exp time.Duration) error {
	switch {
	case key == "" || len(val) == 0:
		return nil
	case exp == 0:
		exp = forever
	}
	return s.put(ctx, key, val, time.Now().Add(exp), s.final)
}

// DeleteWithContext deletes a value on every node. It is no error if there is none. If the key is empty, it does
// nothing.
func (s *Store) DeleteWithContext(ctx context.Context, key string) error { return s.remove(ctx, key) }

// Reset does nothing and returns an error that is errors.ErrUnsupported. Nobody can list the keys, of which memcached
// has only hashes, and emptying the nodes would end every session of every program on them. Change Config.KeyPrefix
// instead.
func (s *Store) Reset() error {
	return fmt.Errorf("msm: Store.Reset: %w: memcached cannot delete the values of one store; change Config.KeyPrefix", errors.ErrUnsupported)
}

// ResetWithContext is Reset.
func (s *Store) ResetWithContext(context.Context) error { return s.Reset() }

// Close does nothing: the nodes belong to the Manager, and end with it.
func (s *Store) Close() error { return nil }
