package replica

import (
	"bytes"
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// peek reads a copy and its rank. A value that seems damaged is read a second time. If it is damaged where it lies, it
// has the zero rank, below that of any record. The error is the node's, node.ErrGarbled (see readAgain), or
// record.ErrFormat for an unknown format.
func peek(ctx context.Context, n *node.Node, key string) (item memcache.Item, there record.Rank, err error) {
	if item, err = n.Get(ctx, key); err != nil {
		return item, there, err
	}
	if there, err = record.Peek(item.Value); !errors.Is(err, record.ErrCorrupt) {
		return item, there, err
	}
	if item, err = readAgain(ctx, n, key, item); err != nil {
		return item, there, err
	}
	if there, err = record.Peek(item.Value); errors.Is(err, record.ErrCorrupt) {
		err = nil
	}
	return item, there, err
}

// readAgain reads once more what seemed damaged: if only the answer was damaged on its way, the value on the node must
// not be overwritten unread (rule C9). A value that is damaged where it lies is the same both times, and is returned.
// If the two differ and the second one is damaged, too, they prove nothing, and the error is node.ErrGarbled.
func readAgain(ctx context.Context, n *node.Node, key string, before memcache.Item) (memcache.Item, error) {
	item, err := n.Get(ctx, key)
	if err != nil || bytes.Equal(item.Value, before.Value) {
		return item, err
	}
	if _, err := record.Peek(item.Value); errors.Is(err, record.ErrCorrupt) {
		return memcache.Item{}, node.ErrGarbled
	}
	return item, nil
}
