package replica

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// cover writes the newest record, which does not name the node, over an older copy, if the node has one. If the record
// is too large for the node, the copy is removed instead.
func (s *Store) cover(ctx context.Context, n *node.Node, key string, newest *record.Record) error {
	return s.replace(ctx, n, key, newest, func(token uint64) error {
		item := memcache.Item{Value: newest.Append(nil), Flags: record.FormatVersion, Token: token}
		err := n.CompareAndSwap(ctx, key, item, newest.TTL(s.Clock()))
		if errors.Is(err, memcache.ErrTooLarge) {
			return remove(ctx, n, key, token)
		}
		return err
	})
}

// replace calls do with the compare-and-swap token of what a node has, as long as that is older than the newest record,
// or damaged where it lies. It tries again after each conflict. It leaves a record of an unknown format alone, and an
// absent copy is no error.
func (s *Store) replace(ctx context.Context, n *node.Node, key string, newest *record.Record, do func(token uint64) error) error {
	for {
		item, there, err := peek(ctx, n, key)
		switch {
		case errors.Is(err, record.ErrFormat):
			return nil
		case err != nil:
			return missed(err)
		case !coveredBy(there, newest):
			return nil
		}
		if err = do(item.Token); !errors.Is(err, memcache.ErrConflict) {
			return missed(err)
		}
	}
}

// coveredBy reports whether a copy of that rank may be replaced by the newest record. A tombstone also replaces
// attempts of its own term, whatever their version.
func coveredBy(there record.Rank, newest *record.Record) bool {
	if newest.Tombstone {
		return there.Term <= newest.Term && there != newest.Rank()
	}
	return there.Before(newest.Rank())
}

// missed returns nil for an absent copy, and every other error as it is.
func missed(err error) error {
	if errors.Is(err, memcache.ErrMiss) {
		return nil
	}
	return err
}

// remove takes away what a node has, if it is still the value with that token.
func remove(ctx context.Context, n *node.Node, key string, token uint64) error {
	return n.CompareAndSwap(ctx, key, memcache.Item{Token: token}, -time.Second)
}
