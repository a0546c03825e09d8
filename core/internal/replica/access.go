package replica

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/seal"
)

// Access is one request's way to the copies of one session. It remembers which nodes failed, so that the request does
// not ask them again, and what it has seen, so that a write after a load needs no second look. It is not safe for
// concurrent use.
type Access struct {
	store *Store
	target
	faults
	looks  looks
	caller caller
	op     operation

	foreign    atomic.Bool // the session is to end, and a copy of an unknown format was found
	moved      bool        // see Moved
	unfinished bool        // the last write left something to Heal
	healed     bool        // a write without a change was done
}

// target is the session that an access is about, and the request that it is for.
type target struct {
	key     string        // of the record in memcached
	node    string        // id of the node that is asked first
	named   string        // that node at the beginning: the one that the session's id names
	serves  bool          // by an instance that serves the session; see leaves
	request uint64        // in the record once this request's change is in it, with the number of the attempt
	seal    *seal.Session // nil: without keys, or of a caller that does not know the token
}

// looks are what the looks of an access have found.
type looks struct {
	decision *quorum.Decision    // of the last one, for the next write; nil: look again
	seen     quorum.Copies       // what the last full look saw
	met      *record.Record      // what the last successful one found
	readAll  bool                // the home's word is not enough: ask every node
	room     [2]quorum.CopyState // backing array of what a look sees, which saves an allocation most of the time
}

// caller is what the caller of an access has.
type caller struct {
	held  *record.Record // in memory; see Access.Hold
	floor *record.Record // what it has stored last; see Access.Outrank
	lock  Companion      // see Access.Under
}

// Open begins an access to the session with the given token, for a request or for the instance that serves the session.
// node is the id of the node that the session's id names; empty: none.
func (s *Store) Open(token, node string) *Access {
	a := s.OpenKey(s.key(token), node)
	a.serves, a.seal = true, s.Seals.Session(token, a.key)
	return a
}

// OpenKey begins an access to the session under a memcached key, for callers that cannot know its token. Such an access
// does not serve the session: see leaves.
func (s *Store) OpenKey(key, node string) *Access {
	return &Access{
		store:  s,
		target: target{key: key, node: node, named: node, request: s.newRequest()},
		faults: faults{listed: s.Cluster},
	}
}

// Hold tells the access which record the caller holds in memory. It counts as one more copy: unless a node has a newer
// record, or a tombstone, Load and Write start from it, even if no node has the session any more. So the instance that
// holds a session decides what is in it, and nodes that are silent do not.
func (a *Access) Hold(rec *record.Record) { a.caller.held = rec }

// Outrank tells the access which record the caller has stored last. That may lie apart from what others have: the
// caller may have had to store it on a node that a look need not ask, because it could not reach the nodes to which the
// client's id led others. If they have written there since, the next Write begins a term above that of the caller's
// record.
func (a *Access) Outrank(stored *record.Record) { a.caller.floor = stored }

// Companion is a value that a caller wants to have read beside the record, if both lie on one node.
type Companion interface {
	At(n *node.Node) bool
	GetWith(ctx context.Context, key string) (memcache.Item, error)
}

// Under tells the access which lock its caller has. If the lock is on the session's home, a load then also learns what
// its release needs, at no cost.
func (a *Access) Under(lock Companion) { a.caller.lock = lock }

// Forget drops what Load found, for a caller that knows that someone has written since. The next Load or Write looks
// again.
func (a *Access) Forget() { a.looks.decision = nil }

// Request returns the id that a record has among its requests once the next Write of this access is in it; see
// HasRequest.
func (a *Access) Request() uint64 { return a.request }

// Home returns the id of the session's home, the node that it is read from, or will be read from once what Load found
// is healed.
func (a *Access) Home() string {
	if a.looks.decision != nil {
		return a.looks.decision.Home
	}
	return a.node
}

// Moved reports whether this access gave the session another home, or claimed the present one anew. Then the client
// must be told, so that it does not come back with an id that leads to a stale copy.
func (a *Access) Moved() bool { return a.moved }

// NeedsHeal reports, after a Load or Write, whether a copy may be missing or stale, or a claim has to be settled. What
// was loaded or written is good all the same, but another failure might lose it, so someone should call Heal soon.
func (a *Access) NeedsHeal() bool {
	return a.unfinished || a.looks.decision != nil && a.looks.decision.Heal
}

// unavailable returns an ErrUnavailable for this access. It also names the node of the client's id, if that is not
// listed.
func (a *Access) unavailable(kind error, about string) error {
	nodes := a.store.Cluster.Missing(a.why)
	if _, known := a.store.Cluster.Node(a.node); !known && a.node != "" {
		nodes = append(nodes, node.Trouble{ID: a.node, Why: errNotListed})
	}
	return &cluster.Unavailable{Kind: kind, About: about, Nodes: nodes}
}

var errNotListed = errors.New("it is not among the configured nodes")
