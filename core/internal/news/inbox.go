package news

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/node"
)

// Reader takes what an inbox has for it. Each message comes once.
type Reader interface {
	// Hear is called with what was read on the board for all, or the one for this instance, of a node.
	Hear(ctx context.Context, at *node.Node, list []Message)
	// Heard says that all was heard that was on the boards of a node at that time.
	Heard(at time.Time)
}

// Inbox reads boards. It is safe for concurrent use.
type Inbox struct {
	reader Reader
	clock  func() time.Time
	wake   chan struct{}
	heard  map[place]map[spelling]struct{} // what each board had when it was heard last; by Run only

	mu     sync.Mutex
	fresh  map[place]node.Item // what has changed since Run took it
	last   map[place][]byte    // what was there last; not its token, for a node that is restarted gives the same ones again
	looked time.Time           // when the last look began; zero: none since Run took it
}

// place is a board on a node.
type place struct {
	node  *node.Node
	board string
}

// NewInbox makes one. The clock is that by which messages are left.
func NewInbox(reader Reader, clock func() time.Time) *Inbox {
	return &Inbox{
		reader: reader, clock: clock, wake: make(chan struct{}, 1), heard: make(map[place]map[spelling]struct{}),
		fresh: make(map[place]node.Item), last: make(map[place][]byte),
	}
}

// Look takes the boards of a node, from a probe that began then. It waits for nothing: the node's prober calls it.
func (b *Inbox) Look(n *node.Node, boards map[string]node.Item, began time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for board, item := range boards {
		at := place{n, board}
		if !bytes.Equal(item.Value, b.last[at]) {
			b.last[at], b.fresh[at] = item.Value, item
		}
	}
	if began.After(b.looked) {
		b.looked = began
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Run has the reader hear what comes, until ctx ends.
func (b *Inbox) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.wake:
			b.Read(ctx)
		}
	}
}

// Read has the reader hear what has come. It is what Run does again and again, and not to be called beside it.
func (b *Inbox) Read(ctx context.Context) {
	b.mu.Lock()
	fresh, looked := b.fresh, b.looked
	b.fresh, b.looked = make(map[place]node.Item), time.Time{}
	b.mu.Unlock()
	all := true
	for _, at := range sorted(fresh) {
		list, whole := parse(fresh[at].Value)
		whole = whole || atRest(ctx, at, fresh[at])
		all = all && whole
		if unheard := b.unheard(at, list, whole); len(unheard) > 0 {
			b.reader.Hear(ctx, at.node, unheard)
		}
		if kept, worth := recent(list, b.clock()); worth && whole { // who fails does so again with the next change
			_ = at.node.CompareAndSwap(ctx, at.board, node.Item{Value: join(kept), Token: fresh[at].Token}, boardLife)
		}
	}
	if !looked.IsZero() && all {
		b.reader.Heard(looked)
	}
}

// atRest: what was read is what lies there, and nobody will ever hear more of it. If it was damaged on its way instead, to write back
// what could be read would end messages that nobody has heard.
func atRest(ctx context.Context, at place, read node.Item) bool {
	again, err := at.node.Get(ctx, at.board)
	return err == nil && bytes.Equal(again.Value, read.Value)
}

// sorted is a fixed order, so that a simulation replays.
func sorted(fresh map[place]node.Item) (list []place) {
	for at := range fresh {
		list = append(list, at)
	}
	slices.SortFunc(list, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.node.ID(), b.node.ID()), cmp.Compare(a.board, b.board))
	})
	return list
}

// unheard leaves out what was heard before, on this board or on that of another node.
func (b *Inbox) unheard(at place, list []spelling, whole bool) (fresh []Message) {
	now := make(map[spelling]struct{}, len(list))
	if !whole { // what is missing may be there all the same
		maps.Copy(now, b.heard[at])
	}
	for _, m := range list {
		now[m] = struct{}{}
		if !b.wasHeard(m) {
			fresh = append(fresh, m.message())
		}
	}
	b.heard[at] = now
	return fresh
}

func (b *Inbox) wasHeard(m spelling) bool {
	for _, board := range b.heard {
		if _, there := board[m]; there {
			return true
		}
	}
	return false
}
