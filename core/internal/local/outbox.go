package local

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/counter"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/replica"
)

const (
	// maxPosts is how many messages of one kind wait to be sent: ends, and all others.
	maxPosts = 8192
	// postAgain is how long after a failure messages are sent again.
	postAgain = 100 * time.Millisecond
)

// outbox sends messages about sessions to other instances, behind the requests' back. Those that wait are sent together,
// the ends of sessions first (rule M14). It is safe for concurrent use.
type outbox struct {
	replica *replica.Store
	self    self
	dropped *counter.Counter
	wake    chan struct{}

	mu     sync.Mutex
	ends   []post
	others []post
	missed []string // routes of instances that are to learn that messages were dropped
}

// post is a message to the instance of a route. It is left in that instance's mailbox on some nodes.
type post struct {
	access *replica.Access
	route  string
	mailbox.Message
}

// compare orders messages by mailbox, and in each by kind, of which ends are the first. The rest makes the order always
// the same.
func (p post) compare(than post) int {
	return cmp.Or(
		strings.Compare(p.route, than.route), cmp.Compare(p.Kind, than.Kind),
		bytes.Compare(p.Session[:], than.Session[:]), cmp.Compare(p.Version, than.Version),
	)
}

func newOutbox(r *replica.Store, me self, dropped *counter.Counter) *outbox {
	return &outbox{replica: r, self: me, dropped: dropped, wake: make(chan struct{}, 1)}
}

// tell sends a message about the session to the instances of those routes: once to each, and not to this one. Guarded
// by s.mu.
func (o *outbox) tell(s *Session, m mailbox.Message, routes ...string) {
	for i, route := range routes {
		if !slices.Contains(routes[:i], route) {
			o.send(s.token, s.node, route, m)
		}
	}
}

// send queues a message about a session on that node, unless the route is nobody's or this instance's. It never waits.
func (o *outbox) send(token, node, route string, m mailbox.Message) {
	if o.self.isOther(route) {
		o.queue(o.replica.Open(token, node), route, m)
	}
}

// queue queues a message about the access's session to another instance.
func (o *outbox) queue(access *replica.Access, route string, m mailbox.Message) {
	m, _ = access.Message(m) // the key is that of a session
	o.mu.Lock()
	defer o.mu.Unlock()
	list := &o.others
	if m.Ends() {
		list = &o.ends
	}
	if len(*list) < maxPosts {
		*list = append(*list, post{access, route, m})
	} else {
		o.drop(route)
	}
	o.wakeUp()
}

// drop counts a message that is not sent, and has that instance told so; clients can make up any number of others.
// Guarded by mu.
func (o *outbox) drop(route string) {
	o.dropped.Add(1)
	if len(o.missed) < maxPosts && !slices.Contains(o.missed, route) {
		o.missed = append(o.missed, route)
	}
}

func (o *outbox) wakeUp() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run sends the messages until ctx ends, and then those that say that a session has ended.
func (o *outbox) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			ends, _, _ := o.take()
			o.post(context.WithoutCancel(ctx), ends)
			return
		case <-o.wake:
		}
		o.replica.Random.Pause(o.replica.Random.As(ctx, "outbox")) // so that all that is sent at one moment goes together
		ends, others, missed := o.take()
		again := o.post(ctx, append(ends, others...))
		var untold []string
		for _, route := range missed {
			if !o.confess(ctx, route) {
				untold = append(untold, route)
			}
		}
		o.repeat(again, untold)
	}
}

// take takes out everything that waits.
func (o *outbox) take() (ends, others []post, missed []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ends, others, missed = o.ends, o.others, o.missed
	o.ends, o.others, o.missed = nil, nil, nil
	return ends, others, missed
}

// repeat queues again what could not be sent, for another try a moment later: ends, and routes of instances that have
// missed messages.
func (o *outbox) repeat(ends []post, missed []string) {
	if len(ends) == 0 && len(missed) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ends, o.missed = append(ends, o.ends...), append(missed, o.missed...)
	time.AfterFunc(postAgain, o.wakeUp)
}

// post sends messages. It returns the ends that lie on no node and are worth another try: after mailbox.Retention nobody
// waits for them any more. Of other messages nothing is lost: versions keep writes safe without them.
func (o *outbox) post(ctx context.Context, list []post) (again []post) {
	batches := newBatches(o.replica, list)
	batches.send(ctx)
	for i, p := range list {
		if p.Ends() && !batches.sent[i].Load() && o.replica.Clock().Sub(p.At) < mailbox.Retention {
			again = append(again, p)
		}
	}
	return again
}

// confess tells the instance of a route that it has missed messages. It returns false if no node has taken that.
func (o *outbox) confess(ctx context.Context, route string) (told bool) {
	now := o.replica.Clock()
	m := mailbox.Message{Kind: mailbox.Missed, Version: uint64(now.UnixNano()), At: now}
	for _, n := range o.replica.Cluster.Nodes() {
		if arrived(o.replica.Mail.Post(ctx, n, route, m)) {
			told = true
		}
	}
	return told
}
