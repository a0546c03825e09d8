// Package local is sticky mode: it keeps the sessions of one instance in that instance's memory. Memory is the truth,
// so a request for a session that is here costs no round trip. The nodes, which are memcached servers, hold what a
// crash of the instance must not lose. They are written behind the requests' back (write-behind): one write per session
// at a time, always of the newest state.
//
// A change that is not stored yet is kept twice: in the state that requests see, and in the list of changes that led to
// it. If another instance has written the session meanwhile, because a load balancer sent it a request, the list is
// applied to what that instance stored. So the changes of both survive. If that instance serves the session from then
// on, the copy here leaves memory, because it is not the truth any more.
//
// Where to read what:
//   - session.go: one session, its states, and whose turn it is to write it. shard.go: all sessions, their bounds, and
//     how they leave. sessionHeap.go: a heap of sessions.
//   - commit.go, commit_now.go: how the changes of a request enter memory. pending.go: the changes that are not stored
//     yet. stays.go: attributes that are never stored.
//   - queue.go: when a session is written, and back-pressure. save.go: one write. shed.go: sessions that are too large
//     to be stored.
//   - end.go: logout, and a new id at login. takeover.go: loading a session, and taking it over from another instance.
//     elsewhere.go: changing a session that another instance serves.
//   - notice.go: messages to and from other instances. deaf.go: an instance that may have missed some. repair.go:
//     storing sessions again that a node has lost.
package local

import "errors"

// The errors of this package. Its functions also return those of package replica.
var (
	// ErrFull is returned if the bounds are reached and no session may leave, because none here is stored.
	ErrFull = errors.New("msm: no room for another session in this instance's memory: everything in it waits to be stored")
	// ErrRemoved is returned if the session is not in memory any more. It may be loaded again.
	ErrRemoved = errors.New("the session has left this instance's memory")
)
