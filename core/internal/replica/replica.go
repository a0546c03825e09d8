// Package replica keeps the copies of a session's record: one on its home, the primary, and further ones on backups,
// all plain memcached servers that know nothing of each other.
//
// Four rules carry it. A plain write goes to the backups first and to the home last, each by compare-and-swap, so that
// what anyone has read is on every copy. A change of where the copies lie is a claim: home first, with the next term,
// so that a claim that got only half way leaves nothing that outranks what was acknowledged. A record names the epochs
// of the nodes that hold it, so that one look tells whether a copy may be stale or gone. And no session is ever deleted:
// a destroyed one is a tombstone, written like any other record. (What is, are copies on nodes that a session has left: see leave.go.)
package replica

import (
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/random"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/sid"
)

// What an access ends with, besides success.
var (
	ErrNoSession   = errors.New("no such session")
	ErrUnavailable = errors.New("msm: nodes do not answer")
	ErrConflict    = errors.New("msm: the session kept changing under this request")
	ErrTooLarge    = errors.New("msm: session too large")
	ErrUnreadable  = errors.New("msm: stored session cannot be read")
)

// tries bounds how often a write starts again after another writer won or a node failed. Of two instances that write one
// session without a pause the slower one may lose more often than not; with 16 tries about one run in a hundred of 50
// parallel requests each had one that gave up. Fewer than record.MaxStamps, so that a request still finds its own id.
const tries = 32

// awayTime is how long a session without backups is waited for whose node does not answer. Then it counts as lost, so
// that its visitor gets a new one.
const awayTime = time.Minute

// Config says where copies go.
type Config struct {
	Cluster   *cluster.Cluster
	Route     string           // of this instance in sticky mode; empty: it holds no sessions in memory
	Backups   int              // copies beside the home, where there are as many nodes
	KeyPrefix string           // of every key in memcached
	MaxSize   int              // bytes a record may have; checked before anything is sent
	IdleTime  time.Duration    // the longest idle time that a forgotten copy of a destroyed session may still have
	Patience  time.Duration    // how long to wait for a node if none is available; zero: not at all
	Clock     func() time.Time // what time it is; nil: time.Now. Clocks of instances differ
	Random    *random.Source   // of ids, and of waits for locks; nil: the runtime's
}

// Store reads and writes records. It is safe for concurrent use.
type Store struct {
	Config
	Counters
	hints     hints
	moved     moved
	strangers strangers
}

// New makes a store.
func New(c Config) *Store {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return &Store{Config: c}
}

// backups is how many copies there should be beside the home, with the nodes there are.
func (s *Store) backups() int { return min(s.Backups, len(s.Cluster.Members())-1) }

// Access is one request's way to the copies of one session. It remembers which nodes failed, so that the request
// does not ask them again, and what was seen, so that the write needs no second load. Not safe for concurrent use.
type Access struct {
	store      *Store
	key        string
	node       string // the node that is asked first
	asked      string // that at the beginning
	request    uint64 // in the record once this request's change is in it, with the number of the attempt
	tried      uint64 // attempts of this Write before the present one
	began      time.Time
	sown       uint64 // version of the first attempt of this Write that a node may have; 0: none may
	failed     []failure
	before     *Failures    // of the request, by other accesses too; nil: nobody keeps them
	lacks      []*node.Node // that this Write does without
	strewn     []*node.Node // that its failed attempts got to
	left       []*node.Node // backups that have a copy, and are to have none
	size       int          // bytes of what is written; see placeable
	thorough   bool         // the home's word is not enough: look at every node
	found      *found
	seen       sightings      // what the last full look saw
	met        *record.Record // what the last look found that found something
	kept       *record.Record // what the caller holds; see Keep
	apart      *record.Record // what the caller has stored; see Outrank
	lock       *Lock          // that the caller has; see Under
	room       [2]sighting    // for what is seen, most of the time
	places     [2]*node.Node  // for the backups of a write, most of the time
	moved      bool
	destroying bool
	renewed    bool
	tookChance bool   // see secondChance
	former     string // the route of the sticky instance that a write takes the session from
	serves     bool   // for a request, and not for the sake of a node; see leaves
	putting    bool   // whatever there is may be written over
	unfinished bool   // the last write left something to Heal
	healed     bool   // a write without a change was done
}

// Open begins an access to the session with the given token; node is where its id says that it lives.
func (s *Store) Open(token, node string) *Access {
	a := s.OpenKey(s.key(token), node)
	a.serves = true
	return a
}

// OpenKey begins an access to the session under a key, for who cannot know its token.
func (s *Store) OpenKey(key, node string) *Access {
	return &Access{store: s, key: key, node: node, asked: node, request: s.newRequest()}
}

// key is where the record of the session with the token lies, on every node.
func (s *Store) key(token string) string { return sid.Key(s.KeyPrefix, sid.Record, token) }

// Forget drops what Load found: someone is known to have written since.
func (a *Access) Forget() { a.found = nil }

// Keep tells the access what the caller holds in memory. It counts as a copy: unless a node has a newer one, or a
// tombstone, it is what Load and Write start from, also if no node has the session any more. Whoever holds a session
// decides what it is; nodes that are silent do not.
func (a *Access) Keep(rec *record.Record) { a.kept = rec }

// Home is the id of the node that the session is read from, or will be once what Load found is healed.
func (a *Access) Home() string {
	if a.found != nil {
		return a.found.home
	}
	return a.node
}

// Moved reports whether this access gave the session another home, or claimed the one it has anew: the client must be
// told, so that it does not come back with an id that leads to a stale copy.
func (a *Access) Moved() bool { return a.moved }

// found is what a look at the nodes has shown.
type found struct {
	rec    *record.Record
	home   string // where it is to be written to
	seen   sightings
	term   uint64 // the term a write has to use
	top    uint64 // highest version seen anywhere
	heal   bool   // a copy may be missing or stale: write, even without a change
	unsafe bool   // what was found may be on one node only
	claim  bool   // the home did not answer: another node becomes it
	first  string // the node that has to be written first, empty: none; see putFirst
}

// sighting is what one node had.
type sighting struct {
	node  string
	rec   *record.Record // nil: nothing, or nothing that can be read
	token uint64         // for the compare-and-swap; 0: the node has no value
	epoch uint32         // in which the node was then: in each one it counts tokens anew
}

// outlived: the token is of another epoch of its node, where by now something else may have the same one.
func (s sighting) outlived(n *node.Node) bool { return s.token != 0 && s.epoch != n.Epoch() }

type sightings []sighting

func (s sightings) of(node string) (sighting, bool) {
	for _, x := range s {
		if x.node == node {
			return x, true
		}
	}
	return sighting{}, false
}
