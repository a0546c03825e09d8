package msm

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/replica"
)

const (
	// askAgain is how often an instance that does without a node asks whether others still reach another server under its id.
	askAgain = 20 * time.Second
	// elsewhere is for how long it does so without an answer.
	elsewhere = news.Life + askAgain
	// together is within how long all servers of a new list come into use.
	together = 100 * time.Millisecond
	// sayAgain is how often an instance says at most which server it reaches.
	sayAgain = time.Second
)

// namesakes finds out when instances reach different servers under one id, as in a rolling deploy that gives a node another address
// while the old server runs. All use the one that came into use last; who does not reach it does without the node. It is safe for
// concurrent use.
type namesakes struct {
	store *replica.Store
	wake  chan struct{}

	mu   sync.Mutex
	owed []*node.Node             // of which the others are to be told
	said map[*node.Node]time.Time // when they were told last
}

func newNamesakes(store *replica.Store) *namesakes {
	return &namesakes{store: store, wake: make(chan struct{}, 1), said: make(map[*node.Node]time.Time)}
}

// look has a node be told of that was not before. It waits for nothing: the node's prober calls it.
func (s *namesakes) look(n *node.Node) {
	if since := n.Since(); since.IsZero() || time.Since(since) < news.Hearing { // see introduce
		return
	}
	s.mu.Lock()
	_, said := s.said[n]
	s.mu.Unlock()
	if !said {
		s.owe(n)
	}
}

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

// run works until ctx ends.
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

// ask tells once more of the nodes that this instance does without: who reaches another server answers.
func (s *namesakes) ask() {
	for _, m := range s.store.Cluster.Members() {
		if m.Node.IsElsewhere() {
			s.owe(m.Node)
		}
	}
}

// say tells on all boards which servers are reached. Who does not get to hear it will hear of the one that others reach.
func (s *namesakes) say(ctx context.Context) {
	members := s.store.Cluster.Members()
	s.mu.Lock()
	owed := s.owed
	s.owed = nil
	for n := range s.said { // nor of nodes that have left the list
		if _, known := s.store.Cluster.Node(n.ID()); !known {
			delete(s.said, n)
		}
	}
	for _, n := range owed {
		s.said[n] = time.Now()
	}
	s.mu.Unlock()
	s.leave(ctx, owed, nodesOf(members))
}

func (s *namesakes) leave(ctx context.Context, about, on []*node.Node) {
	for _, n := range about {
		leave(ctx, s.store, on, news.Reached(news.NameOf(n.ID()), n.Since(), time.Now()))
	}
}

// introduce tells of servers that have just come into use, and waits until everyone has heard it on those that were in use before:
// an instance may use another server under such an id, and what it stores there nobody would find.
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
	if len(others) > 0 && time.Since(latest) < news.Hearing {
		s.leave(context.Background(), fresh, others)
		time.Sleep(news.Hearing)
	}
}

// hear compares what another instance reaches with what this one does.
func (s *namesakes) hear(ctx context.Context, m news.Message) {
	id, theirs := m.Server()
	if time.Since(m.At) > news.Life {
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
		_ = n.Probe(ctx) // it may have been restarted, and this instance does not know yet
		if n.Since().Before(theirs) {
			n.Elsewhere(theirs, elsewhere)
		}
	}
}
