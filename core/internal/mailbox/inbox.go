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

// Receiver takes the messages that an inbox has read. Each one comes once.
type Receiver interface {
	// Receive is called with messages from a mailbox on a node: the one for all instances, or the one for this
	// instance.
	Receive(ctx context.Context, at *node.Node, list []Message)
	// CaughtUp is called when all has been received that was in the mailboxes of a node at that time.
	CaughtUp(at time.Time)
}

// Inbox takes mailboxes as probes have read them, and passes new messages on to a receiver. It is safe for concurrent
// use.
type Inbox struct {
	OnRefused func(n int) // called with how many new messages were not written by an instance; nil: they are only refused

	receiver Receiver
	mail     Mail
	own      string // key of the mailbox that this instance keeps (rule M13); empty: there is none
	wake     chan struct{}
	seen     map[place]map[encoded]bool // what each mailbox had when it was read last, and if an instance wrote it; only for Run

	mu      sync.Mutex
	changed map[place]memcache.Item  // mailboxes that have changed since Run took them
	last    map[place][]byte         // each mailbox's last value; not its token: a restarted node gives the same ones again
	gone    []*node.Node             // nodes that have left the list since Run took the mailboxes
	renewed map[*node.Node]time.Time // when this instance's mailbox was written last
	probed  time.Time                // when the last probe began; zero: there was none since Run took the mailboxes
}

// place is a mailbox on a node.
type place struct {
	node *node.Node
	key  string
}

// NewInbox returns the inbox of the instance with that route; empty: it reads the mailbox for all only.
func NewInbox(receiver Receiver, mail Mail, route string) *Inbox {
	b := &Inbox{
		receiver: receiver, mail: mail, wake: make(chan struct{}, 1), seen: make(map[place]map[encoded]bool),
		changed: make(map[place]memcache.Item), last: make(map[place][]byte), renewed: make(map[*node.Node]time.Time),
	}
	if route != "" {
		b.own = Key(mail.KeyPrefix, route)
	}
	return b
}

// Probed takes the mailboxes of a node, as read by a probe that began at that time; see node.OnProbe. It does not
// block.
func (b *Inbox) Probed(n *node.Node, mailboxes map[string]memcache.Item, began time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, item := range mailboxes {
		at := place{n, key}
		if !bytes.Equal(item.Value, b.last[at]) {
			b.last[at], b.changed[at] = item.Value, item
		}
	}
	if b.own != "" {
		b.look(n, mailboxes)
	}
	if began.After(b.probed) {
		b.probed = began
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// look notes whether the node lacks this instance's mailbox, or has to be written it anew. Guarded by mu.
func (b *Inbox) look(n *node.Node, mailboxes map[string]memcache.Item) {
	at := place{n, b.own}
	if _, waits := b.changed[at]; waits {
		return
	}
	if item := mailboxes[b.own]; b.due(at, item) {
		b.changed[at] = item
	}
}

// due reports whether a mailbox is this instance's and has to be written, because it is absent or would expire. Guarded
// by mu.
func (b *Inbox) due(at place, read memcache.Item) bool {
	return at.key == b.own && (read.Token == 0 || b.mail.Clock().Sub(b.renewed[at.node]) >= renewEvery)
}

// Forget drops what is remembered of a node that has left the list, and is not probed any more.
func (b *Inbox) Forget(n *node.Node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ofNode := func(at place) bool { return at.node == n }
	maps.DeleteFunc(b.last, func(at place, _ []byte) bool { return ofNode(at) })
	maps.DeleteFunc(b.changed, func(at place, _ memcache.Item) bool { return ofNode(at) })
	b.gone = append(b.gone, n)
	delete(b.renewed, n)
}

// Run passes new messages on to the receiver until ctx ends.
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

// Read passes on to the receiver what has come. Run does so again and again; do not call Read while Run runs.
func (b *Inbox) Read(ctx context.Context) {
	b.mu.Lock()
	changed, probed, gone := b.changed, b.probed, b.gone
	b.changed, b.probed, b.gone = make(map[place]memcache.Item), time.Time{}, nil
	b.mu.Unlock()
	maps.DeleteFunc(b.seen, func(at place, _ map[encoded]bool) bool { return slices.Contains(gone, at.node) })
	all := true
	for _, at := range sorted(changed) {
		list, whole := parse(changed[at].Value)
		whole = whole || atRest(ctx, at, changed[at])
		all = all && whole
		if fresh := b.filterNew(at, list, whole); len(fresh) > 0 {
			b.receiver.Receive(ctx, at.node, fresh)
		}
		if kept, worth := b.kept(at, list); whole && (worth || b.isDue(at, changed[at])) {
			b.write(ctx, at, memcache.Item{Value: join(kept), Token: changed[at].Token})
		}
	}
	if !probed.IsZero() && all {
		b.receiver.CaughtUp(probed)
	}
}

// isDue is due for a caller that has not locked mu.
func (b *Inbox) isDue(at place, read memcache.Item) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.due(at, read)
}

// write stores a mailbox, in the place of what has that token. If it fails a later probe brings another try.
func (b *Inbox) write(ctx context.Context, at place, item memcache.Item) {
	var err error
	if item.Token == 0 {
		err = at.node.Add(ctx, at.key, item, ttl)
	} else {
		err = at.node.CompareAndSwap(ctx, at.key, item, ttl)
	}
	if err == nil && at.key == b.own {
		b.mu.Lock()
		b.renewed[at.node] = b.mail.Clock()
		b.mu.Unlock()
	}
}

// atRest reports whether what was read is what lies on the node, so that nobody will ever read more of it (rule M4). If
// it was damaged on its way instead, writing back what could be read would end messages that nobody has received.
func atRest(ctx context.Context, at place, read memcache.Item) bool {
	again, err := at.node.Get(ctx, at.key)
	return err == nil && bytes.Equal(again.Value, read.Value)
}

// sorted returns the mailboxes in a fixed order, so that a simulation replays.
func sorted(changed map[place]memcache.Item) (list []place) {
	for at := range changed {
		list = append(list, at)
	}
	slices.SortFunc(list, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.node.ID(), b.node.ID()), cmp.Compare(a.key, b.key))
	})
	return list
}

// filterNew returns the messages that were not seen before, in this mailbox or in another one, and remembers them (rule
// M3).
func (b *Inbox) filterNew(at place, list []encoded, whole bool) (fresh []Message) {
	now, refused := make(map[encoded]bool, len(list)), 0
	if !whole { // messages that could not be read may be there all the same
		maps.Copy(now, b.seen[at])
	}
	for _, m := range list {
		genuine, known := b.seen[at][m]
		if !known {
			genuine = b.mail.accepts(at.key, m)
		}
		now[m] = genuine
		switch {
		case !genuine && !known:
			refused++
		case genuine && !b.wasSeen(m):
			fresh = append(fresh, m.message())
		}
	}
	b.seen[at] = now
	if refused > 0 && b.OnRefused != nil {
		b.OnRefused(refused)
	}
	return fresh
}

// kept returns which messages of a mailbox that was just read are to stay, and whether writing it for that is worth it.
// It uses up the list.
func (b *Inbox) kept(at place, list []encoded) ([]encoded, bool) {
	all, seen := len(list), b.seen[at]
	genuine := slices.DeleteFunc(list, func(m encoded) bool { return !seen[m] })
	kept, worth := recent(genuine, b.mail.Clock())
	return kept, worth || all-len(genuine) > maxMessages/4
}

// wasSeen reports whether a message was in any mailbox when that was read last.
func (b *Inbox) wasSeen(m encoded) bool {
	for _, mailbox := range b.seen {
		if mailbox[m] {
			return true
		}
	}
	return false
}
