package local

import (
	"context"
	"slices"

	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/replica"
)

const noticeQueue = 1024 // messages that wait to be sent

// post is a message to the instance of a route. It is left on that instance's board, a mailbox on a node.
type post struct {
	access *replica.Access
	route  string
	news.Message
}

// tell sends a message about the session to the instances of those routes: once to each, and not to this one. Guarded
// by mu.
func (st *Store) tell(s *Session, m news.Message, routes ...string) {
	for i, route := range routes {
		if route == "" || route == st.Route || slices.Contains(routes[:i], route) {
			continue
		}
		st.toPost(post{st.Replica.Open(s.token, s.node), route, m})
	}
}

// toPost queues a message. It never waits.
func (st *Store) toPost(p post) {
	select {
	case st.posts <- p:
	default: // the queue is full: that instance learns of it with its next write of the session
	}
}

// notify sends the queued messages until ctx ends.
func (st *Store) notify(ctx context.Context) {
	for ctx.Err() == nil { // do not send the rest of the queue first
		select {
		case <-ctx.Done():
			return
		case p := <-st.posts:
			p.access.Tell(ctx, p.route, p.Message)
		}
	}
}
