package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
)

// Get returns the item of a key; see memcache.Client.Get. It returns ErrDown if the node is not available.
func (n *Node) Get(ctx context.Context, key string) (memcache.Item, error) {
	if !n.Available() {
		return memcache.Item{}, ErrDown
	}
	item, err := n.client.Get(ctx, key)
	return item, n.observe(ctx, "get", err)
}

// GetWith gets two keys in one round trip. Also when it returns memcache.ErrMiss for the first key, the other one's
// item is valid; that is zero if there is none.
func (n *Node) GetWith(ctx context.Context, key, other string) (item, also memcache.Item, err error) {
	if !n.Available() {
		return memcache.Item{}, memcache.Item{}, ErrDown
	}
	items, err := n.client.GetMulti(ctx, key, other)
	if err := n.observe(ctx, "get", err); err != nil {
		return memcache.Item{}, memcache.Item{}, err
	}
	item, ok := items[key]
	if !ok {
		return memcache.Item{}, items[other], memcache.ErrMiss
	}
	return item, items[other], nil
}

// GetWithEpoch gets a key and the node's epoch in one round trip. Also with memcache.ErrMiss the epoch is valid; 0: the
// node has lost it with everything else, as in a restart, and no probe has found that yet.
func (n *Node) GetWithEpoch(ctx context.Context, key string) (memcache.Item, uint32, error) {
	before := n.availability.state.Load()
	if !before.available {
		return memcache.Item{}, 0, ErrDown
	}
	items, err := n.client.GetMulti(ctx, key, n.options.EpochKey)
	if err := n.observe(ctx, "get", err); err != nil {
		return memcache.Item{}, 0, err
	}
	epoch := before.epoch
	if read, there := items[n.options.EpochKey]; !there {
		epoch = 0
	} else if e, ok := parseEpoch(read.Value); ok { // otherwise it was damaged, and a probe will find out
		epoch = e
	}
	n.learn(epoch, before)
	item, ok := items[key]
	if !ok {
		return memcache.Item{}, epoch, memcache.ErrMiss
	}
	return item, epoch, nil
}

// Add stores a value if the key is absent; see memcache.Client.Add.
func (n *Node) Add(ctx context.Context, key string, item memcache.Item, ttl time.Duration) error {
	if !n.Available() {
		return ErrDown
	}
	return n.observe(ctx, "add", n.refusal(item, n.client.Add(ctx, key, item, ttl)))
}

// CompareAndSwap stores a value if the present one is still that whose token the item carries; see
// memcache.Client.CompareAndSwap.
func (n *Node) CompareAndSwap(ctx context.Context, key string, item memcache.Item, ttl time.Duration) error {
	if !n.Available() {
		return ErrDown
	}
	return n.observe(ctx, "cas", n.refusal(item, n.client.CompareAndSwap(ctx, key, item, ttl)))
}

// Append appends to a value that exists; see memcache.Client.Append.
func (n *Node) Append(ctx context.Context, key string, more []byte) error {
	if !n.Available() {
		return ErrDown
	}
	return n.observe(ctx, "append", n.client.Append(ctx, key, more))
}

// Keys lists keys; see memcache.Client.Keys. An error is no evidence against the node: no request waits for the list,
// and a long list can break off for more reasons than a request.
func (n *Node) Keys(ctx context.Context, prefix string, found func(key string)) error {
	if !n.Available() {
		return ErrDown
	}
	if err := n.client.Keys(ctx, prefix, found); err != nil {
		return fmt.Errorf("keys of node %s: %w", n.id, err)
	}
	return nil
}

// refusal remembers the size of a value that the server calls too large. It returns err.
func (n *Node) refusal(item memcache.Item, err error) error {
	if errors.Is(err, memcache.ErrTooLarge) {
		n.sizes.refuse(len(item.Value), n.Epoch())
	}
	return err
}

// learn stores an epoch that an operation has read. before is the node's state when the operation began.
func (n *Node) learn(epoch uint32, before *state) {
	if epoch == before.epoch {
		return
	}
	n.availability.mu.Lock()
	defer n.availability.mu.Unlock()
	n.availability.learn(epoch, before)
}

// observe acts on what the outcome of an operation says about the node, and returns the error for the caller. The end
// of the request says nothing.
func (n *Node) observe(ctx context.Context, op string, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	says := classify(err)
	if !memcache.IsReply(err) {
		err = fmt.Errorf("%s: %w", op, err)
	}
	switch says {
	case timeout:
		n.suspect()
	case failure:
		n.fail(err)
	}
	return err
}
