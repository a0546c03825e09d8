package node

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// ErrUnfit means that the server answers, but cannot be used as it is.
var ErrUnfit = errors.New("it cannot be used")

var errNoCAS = fmt.Errorf("%w: the server has no CAS, without which changes get lost; start memcached without -C", ErrUnfit)

// Servers detects that two nodes of a list are the same server, as when a list has two names of it: two copies there
// would be one. Epochs are random, so two nodes with the same epoch are one server. Only the first of them in the list
// is used. A nil *Servers detects nothing. It is safe for concurrent use.
type Servers struct {
	mu   sync.Mutex // held while a node becomes available, so that two nodes of one server cannot do so at the same time
	list []*Node
}

// Set says which nodes are in the list, and in which order. Only those are compared: while a server gets another id, it
// is two nodes for a moment.
func (s *Servers) Set(list []*Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.Clone(list)
}

// enter calls up, which makes the node available, unless an earlier node of the list is the same server.
func (s *Servers) enter(n *Node, epoch uint32, up func() error) error {
	if s == nil {
		return up()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.single(n, epoch); err != nil {
		return err
	}
	return up()
}

// may returns the error that enter would return. A probe calls it before it replaces the epoch.
func (s *Servers) may(n *Node, epoch uint32) error {
	return s.enter(n, epoch, func() error { return nil })
}

// single returns an error if an earlier node of the list is the same server (rule N14). If a later one is, that one
// becomes unavailable. The caller holds mu.
func (s *Servers) single(n *Node, epoch uint32) error {
	at := slices.Index(s.list, n)
	for i, other := range s.list {
		switch {
		case at < 0 || i == at || epoch == 0 || other.Epoch() != epoch:
		case i > at && other.Available():
			other.fail(fmt.Errorf("probe of node %s: %w", n.id, sameServer(n)))
		case i < at && other.DownFor() < other.options.ProbeMax: // an earlier node that failed a moment ago may come back
			return sameServer(other)
		}
	}
	return nil
}

func sameServer(other *Node) error {
	return fmt.Errorf("%w: it is the same server as node %s (%s), and one server cannot hold two copies; take one of the two out "+
		"of the list (or, if one is a clone of the other, restart it empty)", ErrUnfit, other.id, other.address)
}
