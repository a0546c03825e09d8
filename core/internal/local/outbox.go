package local

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/counter"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
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

// compare orders messages by mailbox, ends before others, and then by session.
func (p post) compare(than post) int {
	late := func(m mailbox.Message) int {
		if ends(m) {
			return 0
		}
		return 1
	}
	return cmp.Or(
		strings.Compare(p.route, than.route), cmp.Compare(late(p.Message), late(than.Message)),
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
			o.send(o.replica.Open(s.token, s.node), route, m)
		}
	}
}

// send queues a message about the session of an access, unless the route is this instance's. It never waits.
func (o *outbox) send(access *replica.Access, route string, m mailbox.Message) {
	m, ours := access.Message(m)
	if !ours || !o.self.isOther(route) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	list := &o.others
	if ends(m) {
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
		for _, route := range missed {
			o.confess(ctx, route)
		}
		o.repeat(again)
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

// repeat queues ends that could not be sent, before all others, for another try a moment later.
func (o *outbox) repeat(list []post) {
	if len(list) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ends = append(list, o.ends...)
	time.AfterFunc(postAgain, o.wakeUp)
}

// post sends messages, in their order. It returns the ends that lie on no node and are worth another try: after
// mailbox.Retention nobody waits for them any more. Of other messages nothing is lost: versions keep writes safe without
// them.
func (o *outbox) post(ctx context.Context, list []post) (again []post) {
	batches := newBatches(o.replica, list)
	batches.send(ctx)
	for i, p := range list {
		if ends(p.Message) && !batches.sent[i].Load() && o.replica.Clock().Sub(p.At) < mailbox.Retention {
			again = append(again, p)
		}
	}
	return again
}

// confess tells the instance of a route that it has missed messages. If no node takes that, it is tried again.
func (o *outbox) confess(ctx context.Context, route string) {
	now, told := o.replica.Clock(), false
	m := mailbox.Message{Kind: mailbox.Missed, Version: uint64(now.UnixNano()), At: now}
	for _, n := range o.replica.Cluster.Nodes() {
		err := node.ErrDown
		if n.Available() {
			err = mailbox.Post(ctx, n, o.replica.KeyPrefix, route, m)
		}
		told = told || err == nil || errors.Is(err, mailbox.ErrNobody)
	}
	if !told {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.missed = append(o.missed, route)
		time.AfterFunc(postAgain, o.wakeUp)
	}
}
