package msm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Get is GetWithContext without a context.
func (s *Store) Get(key string) ([]byte, error) { return s.GetWithContext(context.Background(), key) }

// GetWithContext answers the value of a key, the caller's own; nil and no error if there is none.
func (s *Store) GetWithContext(ctx context.Context, key string) ([]byte, error) {
	value, _, err := s.find(ctx, key)
	return value, err
}

// Set is SetWithContext without a context.
func (s *Store) Set(key string, val []byte, exp time.Duration) error {
	return s.SetWithContext(context.Background(), key, val, exp)
}

// SetWithContext stores a value for so long; zero: until it is deleted, or ten years; negative: it is deleted. Without a
// key or a value it does nothing.
func (s *Store) SetWithContext(ctx context.Context, key string, val []byte, exp time.Duration) error {
	switch {
	case key == "" || len(val) == 0:
		return nil
	case exp == 0:
		exp = forever
	}
	return s.put(ctx, key, val, time.Now().Add(exp), s.final)
}

// DeleteWithContext deletes a value on every node. That there is none is no error; without a key nothing is done.
func (s *Store) DeleteWithContext(ctx context.Context, key string) error { return s.remove(ctx, key) }

// Reset answers an error that is errors.ErrUnsupported: nobody can list the keys, of which memcached has hashes only,
// and to empty the nodes would end every session of every program on them. Change Config.KeyPrefix instead.
func (s *Store) Reset() error {
	return fmt.Errorf("msm: Store.Reset: %w: memcached cannot delete the values of one store; change Config.KeyPrefix", errors.ErrUnsupported)
}

// ResetWithContext is Reset.
func (s *Store) ResetWithContext(context.Context) error { return s.Reset() }

// Close does nothing: the nodes are the Manager's, and end with it.
func (s *Store) Close() error { return nil }
