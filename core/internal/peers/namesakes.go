package peers

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/replica"
)

const (
	// askAgain is how often an instance that does without a node, because others reach another server under its id,
	// asks whether they still do.
	askAgain = 20 * time.Second
	// elsewhere is how long it does without the node after the last answer.
	elsewhere = mailbox.Retention + askAgain
	// together is within how long of each other the servers of a new list come into use.
	together = 100 * time.Millisecond
	// sayAgain is the shortest time between two messages of an instance about one node.
	sayAgain = time.Second
)

// namesakes finds out when instances reach different servers under one node id, as in a rolling deploy that gives a
// node another address while the old server still runs. All instances use the server that came into use last: one that
// reaches the other server does without the node. They find out by messages (package mailbox). It is safe for
// concurrent use.
type namesakes struct {
	store *replica.Store
	wake  chan struct{} // owed has become longer

	mu   sync.Mutex
	owed []*node.Node             // nodes that the others have to be told about
	said map[*node.Node]time.Time // when they were told last
}

func newNamesakes(store *replica.Store) *namesakes {
	return &namesakes{store: store, wake: make(chan struct{}, 1), said: make(map[*node.Node]time.Time)}
}

// look has the others told about a node that they were not told about yet. It does not block: the node's prober calls
// it.
func (s *namesakes) look(n *node.Node) {
	if since := n.Since(); since.IsZero() || time.Since(since) < mailbox.MaxDelay { // introduce has told them
		return
	}
	s.mu.Lock()
	_, said := s.said[n]
	s.mu.Unlock()
	if !said {
		s.owe(n)
	}
}

// owe has run tell the others about a node, unless they were told within sayAgain.
func (s *namesakes) owe(n *node.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.said[n]) < sayAgain || slices.Contains(s.owed, n) {
		return
	}
	s.owed = append(s.owed, n)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run sends messages until ctx ends.
func (s *namesakes) run(ctx context.Context) {
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			s.ask()
		case <-s.wake:
			s.say(ctx)
		}
	}
}

// ask tells the others again about each node that this instance does without. One that reaches another server answers.
func (s *namesakes) ask() {
	for _, m := range s.store.Cluster.Members() {
		if m.Node.IsElsewhere() {
			s.owe(m.Node)
		}
	}
}

// say posts messages in all mailboxes that name the servers that this instance reaches. An instance that misses a
// message learns of the other server from those that reach it.
func (s *namesakes) say(ctx context.Context) {
	s.store.Random.Pause(ctx) // the probe that woke this up may be the first one of a list that comes into use now
	nodes := s.store.Cluster.Nodes()
	s.mu.Lock()
	owed := s.owed
	s.owed = nil
	for _, n := range owed {
		s.said[n] = time.Now()
	}
	s.mu.Unlock()
	s.leave(ctx, owed, nodes)
}

// forget drops what is remembered of a node that has left the list.
func (s *namesakes) forget(n *node.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.said, n)
	s.owed = slices.DeleteFunc(s.owed, func(x *node.Node) bool { return x == n })
}

func (s *namesakes) leave(ctx context.Context, about, on []*node.Node) {
	for _, n := range about {
		leave(ctx, s.store, on, mailbox.Reached(mailbox.NodeHashOf(n.ID()), n.Since(), time.Now()))
	}
}

// introduce tells the others about servers that have just come into use, and waits until everyone has read that on the
// nodes that were in use before. An instance may still use another server under the same id, and nobody would find what
// it stores there meanwhile.
func (s *namesakes) introduce(list []*node.Node) {
	var latest time.Time
	for _, n := range list {
		if since := n.Since(); since.After(latest) {
			latest = since
		}
	}
	var fresh, others []*node.Node
	for _, n := range list {
		switch before := latest.Sub(n.Since()); {
		case n.Since().IsZero() || !n.Available():
		case before < together:
			fresh = append(fresh, n)
		default:
			others = append(others, n)
		}
	}
	if len(others) > 0 && time.Since(latest) < mailbox.MaxDelay {
		s.leave(context.Background(), fresh, others)
		time.Sleep(mailbox.MaxDelay)
	}
}

// hear compares the server that another instance reaches under a node's id with the one that this instance reaches. The
// younger one is to be used (rule N16).
func (s *namesakes) hear(ctx context.Context, m mailbox.Message) {
	id, theirs := m.Server()
	if time.Since(m.At) > mailbox.Retention {
		return
	}
	n := s.store.Named(id)
	if n == nil {
		return
	}
	switch ours := n.Since(); {
	case ours.IsZero() || ours.Equal(theirs):
	case ours.After(theirs):
		s.owe(n)
	default:
		_ = n.Probe(ctx) // it may have been restarted, which only a probe can tell
		if n.Since().Before(theirs) {
			n.Elsewhere(theirs, elsewhere)
		}
	}
}
