// Package replica keeps the copies of a session's record on several memcached servers, which know nothing of each
// other: one copy on the session's home (its primary), and further copies on backups.
//
// Four rules keep the copies consistent:
//
//  1. A plain write goes to the backups first and to the home last, each by compare-and-swap. So whatever anyone has
//     read is on every copy.
//  2. A write that changes where the copies lie (a reconfiguration) is called a claim. It goes to the home first, with
//     the next term, and is unsettled (provisional) until a plain write follows. So a claim that got only half way leaves
//     nothing that outranks what was acknowledged.
//  3. A record names the nodes that hold it, each with the node's epoch, which changes when the node may have lost its
//     values. So one look at a record tells whether a copy may be stale or gone.
//  4. No session is ever deleted. A destroyed session is a tombstone, written like any other record. (Only copies on
//     nodes that a session has left are deleted: see leave.go.)
//
// What to read for what:
//
//   - replica.go: the store, and an access to one session
//   - load.go, view.go: how a record is found; which one counts if the nodes have several, package quorum decides
//   - write.go, save.go: the attempts of a write, and how one attempt reaches the nodes
//   - create.go, put.go, destroy.go, renewed.go, heal.go: other kinds of writes
//   - request.go: how a change that is tried again is not applied twice
//   - kept.go: what a sticky instance holds in memory counts as a copy
//   - hints.go, courier.go, debts.go: hinted handoff, which brings nodes what they have missed
//   - tell.go, bury.go, moved.go, relieve.go: messages between instances
//   - await.go, failures.go, trouble.go: nodes that fail during a request
//   - leave.go, sizes.go, damaged.go, wreck.go: failover nodes, small nodes, damaged copies
//   - lock.go: the locks of sessions
package replica

import (
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/random"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/sid"
)

// The errors of this package, besides those of contexts and of changes. Test for them with [errors.Is].
var (
	// ErrNoSession means that the session was not found, has expired or was destroyed.
	ErrNoSession = errors.New("no such session")
	// ErrUnavailable means that too few nodes answer. A write may have been stored all the same.
	ErrUnavailable = errors.New("msm: nodes do not answer")
	// ErrConflict means that other writers won each time, or that nobody can tell whether the write was done.
	ErrConflict = errors.New("msm: the session kept changing under this request")
	// ErrTooLarge means that a record exceeds Config.MaxSize, or what enough nodes take.
	ErrTooLarge = errors.New("msm: session too large")
	// ErrUnreadable means that a newer program wrote the record, or that it is damaged: see ErrDamaged.
	ErrUnreadable = errors.New("msm: stored session cannot be read")
)

// tries is how many attempts a write has. It starts again after another writer won or a node failed. When two instances
// write one session without a pause, the slower one may lose most of its attempts: in about one of a hundred runs with
// 50 parallel requests each, 16 tries were too few for some request. It is less than record.MaxStamps, so that a
// request still finds its own id in the record.
const tries = 32

// Config says where copies go, and by which limits.
type Config struct {
	Cluster   *cluster.Cluster // the list of nodes
	Route     string           // name of this instance in sticky mode; empty: it holds no sessions in memory
	Backups   int              // copies beside the one on the home, if there are enough nodes; zero: none
	KeyPrefix string           // begins every key in memcached
	MaxSize   int              // limit of an encoded record in bytes, checked before a change is sent; zero: no limit
	IdleTime  time.Duration    // the longest idle timeout that a stale copy may have: tombstones last at least as long
	Patience  time.Duration    // how long to wait for nodes to be probed if a request cannot go on; zero: not at all
	Clock     func() time.Time // the current time; nil: time.Now. Clocks of instances may differ
	Random    *random.Source   // source of ids and of pauses between looks at a lock; nil: the runtime's
}

// Store reads and writes the records of sessions. It is safe for concurrent use.
type Store struct {
	Config
	Counters
	hints     hints
	moved     moved
	strangers strangers
}

// New returns a store with that configuration.
func New(c Config) *Store {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return &Store{Config: c}
}

// backups returns how many copies there should be beside the home, given how many nodes are listed.
func (s *Store) backups() int { return min(s.Backups, len(s.Cluster.Members())-1) }

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

// key returns the key under which every node stores the record of the session with the token (rule I5).
func (s *Store) key(token string) string { return sid.Key(s.KeyPrefix, sid.Record, token) }

// Forget drops what Load found, for a caller that knows that someone has written since. The next Load or Write looks
// again.
func (a *Access) Forget() { a.found = nil }

// Keep tells the access which record the caller holds in memory. It counts as one more copy: unless a node has a newer
// record, or a tombstone, Load and Write start from it, even if no node has the session any more. So the instance that
// holds a session decides what is in it, and nodes that are silent do not.
func (a *Access) Keep(rec *record.Record) { a.kept = rec }

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
