package local

import (
	"context"
	"slices"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/replica"
)

const maxPosts = 1024 // messages that wait to be sent

// outbox sends messages about sessions to other instances, behind the requests' back.
type outbox struct {
	replica *replica.Store
	self    self
	posts   chan post
}

// post is a message to the instance of a route. It is left in that instance's mailbox on a node.
type post struct {
	access *replica.Access
	route  string
	mailbox.Message
}

// tell sends a message about the session to the instances of those routes: once to each, and not to this one. Guarded
// by s.mu.
func (o *outbox) tell(s *Session, m mailbox.Message, routes ...string) {
	for i, route := range routes {
		if o.self.isOther(route) && !slices.Contains(routes[:i], route) {
			o.send(post{o.replica.Open(s.token, s.node), route, m})
		}
	}
}

// send queues a message. It never waits.
func (o *outbox) send(p post) {
	select {
	case o.posts <- p:
	default: // the queue is full: that instance learns of it with its next write of the session
	}
}

// run sends the queued messages until ctx ends.
func (o *outbox) run(ctx context.Context) {
	for ctx.Err() == nil { // do not send the rest of the queue first
		select {
		case <-ctx.Done():
			return
		case p := <-o.posts:
			p.access.Tell(ctx, p.route, p.Message)
		}
	}
}
