package mailbox

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
)

// Reader takes what an inbox has read. Each message comes once.
type Reader interface {
	// Hear is called with messages from a board of a node: the one for all instances, or the one for this instance.
	Hear(ctx context.Context, at *node.Node, list []Message)
	// Heard is called when all has been heard that was on the boards of a node at that time.
	Heard(at time.Time)
}

// Inbox takes boards as probes have read them, and passes new messages on to a reader. It is safe for concurrent use.
type Inbox struct {
	reader Reader
	clock  func() time.Time
	wake   chan struct{}
	heard  map[place]map[spelling]struct{} // what each board had when it was heard last; only for Run

	mu     sync.Mutex
	fresh  map[place]memcache.Item // boards that have changed since Run took them
	last   map[place][]byte        // each board's last value; not its token: a restarted node gives the same ones again
	gone   []*node.Node            // nodes that have left the list since Run took the boards
	looked time.Time               // when the last probe began; zero: there was none since Run took the boards
}

// place is a board on a node.
type place struct {
	node  *node.Node
	board string
}

// NewInbox returns an inbox. clock must be the clock by which messages are left.
func NewInbox(reader Reader, clock func() time.Time) *Inbox {
	return &Inbox{
		reader: reader, clock: clock, wake: make(chan struct{}, 1), heard: make(map[place]map[spelling]struct{}),
		fresh: make(map[place]memcache.Item), last: make(map[place][]byte),
	}
}

// Look takes the boards of a node, as read by a probe that began at that time. It does not block, because the node's
// prober calls it.
func (b *Inbox) Look(n *node.Node, boards map[string]memcache.Item, began time.Time) {
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

// Forget drops what is remembered of a node that has left the list, and is not probed any more.
func (b *Inbox) Forget(n *node.Node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ofNode := func(at place) bool { return at.node == n }
	maps.DeleteFunc(b.last, func(at place, _ []byte) bool { return ofNode(at) })
	maps.DeleteFunc(b.fresh, func(at place, _ memcache.Item) bool { return ofNode(at) })
	b.gone = append(b.gone, n)
}

// Run passes new messages on to the reader until ctx ends.
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

// Read passes on to the reader what has come. Run does so again and again; do not call Read while Run runs.
func (b *Inbox) Read(ctx context.Context) {
	b.mu.Lock()
	fresh, looked, gone := b.fresh, b.looked, b.gone
	b.fresh, b.looked, b.gone = make(map[place]memcache.Item), time.Time{}, nil
	b.mu.Unlock()
	maps.DeleteFunc(b.heard, func(at place, _ map[spelling]struct{}) bool { return slices.Contains(gone, at.node) })
	all := true
	for _, at := range sorted(fresh) {
		list, whole := parse(fresh[at].Value)
		whole = whole || atRest(ctx, at, fresh[at])
		all = all && whole
		if unheard := b.unheard(at, list, whole); len(unheard) > 0 {
			b.reader.Hear(ctx, at.node, unheard)
		}
		// If the write fails, the next change of the board brings another one.
		if kept, worth := recent(list, b.clock()); worth && whole {
			_ = at.node.CompareAndSwap(ctx, at.board, memcache.Item{Value: join(kept), Token: fresh[at].Token}, boardLife)
		}
	}
	if !looked.IsZero() && all {
		b.reader.Heard(looked)
	}
}

// atRest reports whether what was read is what lies on the node, so that nobody will ever hear more of it (rule M4). If
// it was damaged on its way instead, writing back what could be read would end messages that nobody has heard.
func atRest(ctx context.Context, at place, read memcache.Item) bool {
	again, err := at.node.Get(ctx, at.board)
	return err == nil && bytes.Equal(again.Value, read.Value)
}

// sorted returns the boards in a fixed order, so that a simulation replays.
func sorted(fresh map[place]memcache.Item) (list []place) {
	for at := range fresh {
		list = append(list, at)
	}
	slices.SortFunc(list, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.node.ID(), b.node.ID()), cmp.Compare(a.board, b.board))
	})
	return list
}

// unheard returns the messages that were not heard before, on this board or on another one, and remembers them
// (rule M3).
func (b *Inbox) unheard(at place, list []spelling, whole bool) (fresh []Message) {
	now := make(map[spelling]struct{}, len(list))
	if !whole { // messages that could not be read may be there all the same
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

// wasHeard reports whether a message was on any board when that was heard last.
func (b *Inbox) wasHeard(m spelling) bool {
	for _, board := range b.heard {
		if _, there := board[m]; there {
			return true
		}
	}
	return false
}
