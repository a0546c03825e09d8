package replica

import (
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
)

// Access is one request's way to the copies of one session. It remembers which nodes failed, so that the request does
// not ask them again, and what it has seen, so that a write after a load needs no second look. It is not safe for
// concurrent use.
type Access struct {
	store      *Store
	key        string              // of the record in memcached
	node       string              // id of the node that is asked first
	asked      string              // that node at the beginning: the one that the session's id names
	request    uint64              // in the record once this request's change is in it, with the number of the attempt
	tried      uint64              // attempts of this Write before the present one
	began      time.Time           // when this Write began
	sown       uint64              // version of the first attempt of this Write that a node may have; 0: no node has any
	failed     []failure           // nodes that failed, and are not asked again
	before     *Failures           // of the whole request, shared with its other accesses; nil: nobody keeps them
	lacks      []*node.Node        // nodes that this Write does without
	strewn     []*node.Node        // nodes that failed attempts of this Write got to
	left       []*node.Node        // backups that have a copy, and are to lose it
	size       int                 // bytes of the largest record that was to be written; see placeable
	thorough   bool                // the home's word is not enough: ask every node
	found      *quorum.Decision    // what the last look found, for the next write; nil: look again
	seen       quorum.Copies       // what the last full look saw
	met        *record.Record      // what the last successful look found
	kept       *record.Record      // what the caller holds in memory; see Keep
	apart      *record.Record      // what the caller has stored last; see Outrank
	lock       *Lock               // the lock that the caller has; see Under
	room       [2]quorum.CopyState // backing array of what a look has seen, which saves an allocation most of the time
	places     [2]*node.Node       // backing array of a write's backups, likewise
	moved      bool                // see Moved
	destroying bool                // this is a Destroy
	renewed    bool                // the session goes on under another id; see Renewed
	tookChance bool                // secondChance was used
	askedAgain bool                // and a node that had failed was found well, and asked again
	former     string              // route of the sticky instance that a write takes the session from; see relieve
	serves     bool                // by an instance that serves the session; see leaves
	putting    bool                // whatever is there may be written over; see Put
	unfinished bool                // the last write left something to Heal
	healed     bool                // a write without a change was done
}

// Open begins an access to the session with the given token, for a request or for the instance that serves the session.
// node is the id of the node that the session's id names; empty: none.
func (s *Store) Open(token, node string) *Access {
	a := s.OpenKey(s.key(token), node)
	a.serves = true
	return a
}

// OpenKey begins an access to the session under a memcached key, for callers that cannot know its token. Such an access
// does not serve the session: see leaves.
func (s *Store) OpenKey(key, node string) *Access {
	return &Access{store: s, key: key, node: node, asked: node, request: s.newRequest()}
}

// Keep tells the access which record the caller holds in memory. It counts as one more copy: unless a node has a newer
// record, or a tombstone, Load and Write start from it, even if no node has the session any more. So the instance that
// holds a session decides what is in it, and nodes that are silent do not.
func (a *Access) Keep(rec *record.Record) { a.kept = rec }

// Outrank tells the access which record the caller has stored last. That may lie apart from what others have: the
// caller may have had to store it on a node that a look need not ask, because it could not reach the nodes to which the
// client's id led others. If they have written there since, the next Write begins a term above that of the caller's
// record.
func (a *Access) Outrank(apart *record.Record) { a.apart = apart }

// Under tells the access which lock its caller has. If the lock is on the session's home, a load then also learns what
// Release needs, at no cost.
func (a *Access) Under(lock *Lock) { a.lock = lock }

// Forget drops what Load found, for a caller that knows that someone has written since. The next Load or Write looks
// again.
func (a *Access) Forget() { a.found = nil }

// Request returns the id that a record has among its requests once the next Write of this access is in it; see
// HasRequest.
func (a *Access) Request() uint64 { return a.request }

// Home returns the id of the session's home, the node that it is read from, or will be read from once what Load found
// is healed.
func (a *Access) Home() string {
	if a.found != nil {
		return a.found.Home
	}
	return a.node
}

// Moved reports whether this access gave the session another home, or claimed the present one anew. Then the client
// must be told, so that it does not come back with an id that leads to a stale copy.
func (a *Access) Moved() bool { return a.moved }

// NeedsHeal reports, after a Load or Write, whether a copy may be missing or stale, or a claim has to be settled. What
// was loaded or written is good all the same, but another failure might lose it, so someone should call Heal soon.
func (a *Access) NeedsHeal() bool { return a.unfinished || a.found != nil && a.found.Heal }
