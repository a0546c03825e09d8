package replica

import (
	"bytes"
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// errGarbled is an answer that was damaged on its way, twice. It says nothing, not even that there is something to replace.
var errGarbled = errors.New("what it answers is damaged on its way")

// get reads a copy. What seems damaged is read again.
func get(ctx context.Context, n *node.Node, key string) (node.Item, error) {
	item, err := n.Get(ctx, key)
	if err != nil || !damaged(item) {
		return item, err
	}
	return readAgain(ctx, n, key, item)
}

// readAgain reads once more what seemed damaged: if it was so on its way only, what lies there is not to be written over unread. What is
// damaged where it lies is the same both times.
func readAgain(ctx context.Context, n *node.Node, key string, before node.Item) (node.Item, error) {
	item, err := n.Get(ctx, key)
	if err == nil && damaged(item) && !bytes.Equal(item.Value, before.Value) {
		return node.Item{}, errGarbled
	}
	return item, err
}

func damaged(item node.Item) bool {
	_, err := record.Peek(item.Value)
	return errors.Is(err, record.ErrCorrupt)
}
