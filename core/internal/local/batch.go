package local

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/replica"
)

// maxBatch is how many messages are posted to a mailbox at once: some 65 KB.
const maxBatch = 1024

// batches are messages that are posted at the same time, those to one mailbox in as few operations as possible.
type batches struct {
	replica *replica.Store
	posts   []post
	sent    []atomic.Bool        // of each post: it lies on a node, or nobody reads it there
	at      map[*node.Node][]int // posts for each node, by index
}

func newBatches(r *replica.Store, posts []post) *batches {
	b := &batches{replica: r, posts: posts, sent: make([]atomic.Bool, len(posts)), at: make(map[*node.Node][]int)}
	for i, p := range posts {
		for _, n := range p.access.TellAt() {
			b.at[n] = append(b.at[n], i)
		}
	}
	return b
}

// send posts them, on all nodes in parallel.
func (b *batches) send(ctx context.Context) {
	var all sync.WaitGroup
	for n, list := range b.at {
		all.Go(func() { b.sendTo(b.replica.Random.As(ctx, "outbox", n.ID()), n, list) })
	}
	all.Wait()
}

// sendTo posts what is for one node, mailbox by mailbox: ends first, and otherwise in an order that is always the same.
func (b *batches) sendTo(ctx context.Context, n *node.Node, list []int) {
	slices.SortFunc(list, func(i, j int) int { return b.posts[i].compare(b.posts[j]) })
	for len(list) > 0 {
		route, size := b.posts[list[0]].route, 0
		var messages []mailbox.Message
		for size < min(len(list), maxBatch) && b.posts[list[size]].route == route {
			messages = append(messages, b.posts[list[size]].Message)
			size++
		}
		err := b.replica.Mail.Post(ctx, n, route, messages...)
		for _, i := range list[:size] {
			if arrived(err) {
				b.sent[i].Store(true)
			}
		}
		list = list[size:]
	}
}

// arrived reports whether messages need not be posted again, by the error of mailbox.Post.
func arrived(err error) bool { return err == nil || errors.Is(err, mailbox.ErrNobody) }
