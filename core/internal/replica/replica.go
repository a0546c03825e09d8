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
//     nodes that a session has left are deleted: see attempt.clear.)
//
// What to read for what, each group from the bottom up:
//
//   - replica.go: the store; access.go: an access to one session
//   - faults.go, chance.go: nodes that fail during a request; node.Failures is what the whole request remembers of them
//   - read.go, sealed.go, damaged.go: asking nodes; view.go, absent.go, held.go, look.go, load.go: how a record is found. Which one
//     counts if the nodes have several, package quorum decides
//   - placement.go, place.go, intact.go: where the copies go, and whether any is missing
//   - attempt.go, save.go, operation.go, write.go: one attempt to write all copies, and a write with all its attempts
//   - request.go, results.go: how a change that is tried again is not applied twice
//   - create.go, put.go, destroy.go, tombstone.go, heal.go, refresh.go: kinds of writes
//   - hints.go, strangers.go, owe.go, courier.go, debts.go: hinted handoff, which brings nodes what they have missed
//   - tell.go, relieve.go, cover.go, bury.go, receive.go, moved.go: messages between instances, and old copies
package replica

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/keyqueue"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/random"
	"github.com/gomsm/msm/core/internal/seal"
	"github.com/gomsm/msm/core/internal/sid"
)

// The errors of this package, besides those of contexts and of changes. Test for them with [errors.Is].
var (
	// ErrNoSession means that the session was not found, has expired or was destroyed.
	ErrNoSession = errors.New("no such session")
	// ErrUnavailable means that too few nodes answer. A write may have been stored all the same.
	ErrUnavailable = cluster.ErrUnavailable
	// ErrConflict means that other writers won each time, or that nobody can tell whether the write was done.
	ErrConflict = errors.New("msm: the session kept changing under this request")
	// ErrTooLarge means that a record exceeds Config.MaxSize, or what enough nodes take.
	ErrTooLarge = errors.New("msm: session too large")
	// ErrUnreadable means that a newer program wrote the record, or that its key is not here: see ErrNoKey. The session can
	// be destroyed, and nothing else.
	ErrUnreadable = errors.New("msm: stored session cannot be read")
)

// ErrDamaged is the ErrNoSession of a session of which only damaged copies were found. Destroy still has to write over
// them, because a good one may be elsewhere.
var ErrDamaged = fmt.Errorf("%w: every copy is damaged", ErrNoSession)

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
	Seals     *seal.Policy     // which records are sealed; nil: none
	Log       *journal.Journal // nil: silent
}

// Store reads and writes the records of sessions. It is safe for concurrent use.
type Store struct {
	Config
	Counters
	hints     hints
	moved     moved
	strangers strangers
	Mail      mailbox.Mail               // how this instance writes to others
	repairs   *keyqueue.Queues[struct{}] // by key: loads that write before they return
}

// New returns a store with that configuration.
func New(c Config) *Store {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = journal.Silent()
	}
	mail := mailbox.Mail{KeyPrefix: c.KeyPrefix, Seals: c.Seals, Clock: c.Clock}
	return &Store{Config: c, Mail: mail, repairs: keyqueue.New[struct{}](keyqueue.Limit{Time: c.Patience})}
}

// backups returns how many copies there should be beside the home, given how many nodes are listed.
func (s *Store) backups() int { return min(s.Backups, len(s.Cluster.Members())-1) }

// key returns the key under which every node stores the record of the session with the token (rule I5).
func (s *Store) key(token string) string { return sid.Key(s.KeyPrefix, sid.Record, token) }

// Suspects reports whether an operation has run out of time on a node, and no probe has told since what is wrong.
func (s *Store) Suspects() bool {
	return slices.ContainsFunc(s.Cluster.Members(), func(m cluster.Member) bool { return m.Node.Suspect() })
}
