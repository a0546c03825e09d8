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
// Where to read what, from what is used to what uses it:
//   - session.go: one session. clocks.go, state.go, turn.go, pending.go, diff.go: its times, whether it may leave, whose
//     turn it is to write it, and the changes that are not stored yet.
//   - cache.go, shard.go, sweep.go: all sessions, their bounds, and how they leave. heap.go: a heap of sessions.
//   - owner.go: who serves a session, and when it is taken over. hold.go and takeover.go do that for a request.
//     hearing.go, receive.go, outbox.go: messages from and to other instances. elsewhere.go: changing a session that
//     another instance serves.
//   - store.go: the store, and what it is made of. service.go: its background work. close.go: its end.
//   - create.go, commit.go, commit_now.go, apply.go: how the changes of a request enter memory. memory_only.go:
//     attributes that are never stored. destroy.go, renew.go: logout, and a new id at login.
//   - queue.go, lane.go, writer.go: when a session is written, and back-pressure. write.go: one write. save.go,
//     settle.go: how it begins, and what its outcome means. persist.go: who waits for it. shed.go: sessions that are too
//     large.
//   - refill.go: storing sessions again that a node has lost.
package local

import "errors"

// The errors of this package. Its functions also return those of package replica.
var (
	// ErrFull is returned if the bounds are reached and no session may leave, because none here is stored.
	ErrFull = errors.New("msm: no room for another session in this instance's memory: everything in it waits to be stored")
	// ErrRemoved is returned if the session is not in memory any more. It may be loaded again.
	ErrRemoved = errors.New("the session has left this instance's memory")
)
