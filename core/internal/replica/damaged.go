package replica

import (
	"bytes"
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// peek reads a copy, and where it stands. What seems damaged is read again; what is damaged where it lies stands below everything. One
// of an unknown format is an error, record.ErrFormat.
func peek(ctx context.Context, n *node.Node, key string) (item node.Item, there record.Rank, err error) {
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

// readAgain reads once more what seemed damaged: if it was so on its way only, what lies there is not to be written over unread. What is
// damaged where it lies is the same both times; what is not says nothing, and is node.ErrGarbled.
func readAgain(ctx context.Context, n *node.Node, key string, before node.Item) (node.Item, error) {
	item, err := n.Get(ctx, key)
	if err != nil || bytes.Equal(item.Value, before.Value) {
		return item, err
	}
	if _, err := record.Peek(item.Value); errors.Is(err, record.ErrCorrupt) {
		return node.Item{}, node.ErrGarbled
	}
	return item, nil
}
