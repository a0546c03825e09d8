package node

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// ErrUnfit says that the server answers, and cannot be used as it is.
var ErrUnfit = errors.New("it cannot be used")

var errNoCAS = fmt.Errorf("%w: the server has no CAS, without which changes get lost; start memcached without -C", ErrUnfit)

// Servers tells whether two nodes of a list are one server, as a list of two names of it makes them, on which two copies would be
// one. Epochs are random, so two nodes that have the same one are. The first of them in the list is used. Nil tells nothing.
type Servers struct {
	mu   sync.Mutex // held while a node becomes available, so that no two of one server do
	list []*Node
}

// Set says which nodes are in the list, and in which order. Others are not looked at: a server that gets another id is two
// nodes for a moment.
func (s *Servers) Set(list []*Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.Clone(list)
}

// enter has up make a node available, unless it is the server of another one.
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

// may answers what enter would refuse with, for who is about to replace the epoch.
func (s *Servers) may(n *Node, epoch uint32) error {
	return s.enter(n, epoch, func() error { return nil })
}

// single is an error if a node before this one is the same server. One that stands behind it is used no more. Guarded by mu.
func (s *Servers) single(n *Node, epoch uint32) error {
	at := slices.Index(s.list, n)
	for i, other := range s.list {
		switch {
		case at < 0 || i == at || epoch == 0 || other.Epoch() != epoch:
		case i > at && other.Available():
			other.fail(fmt.Errorf("probe of node %s: %w", n.id, sameServer(n)))
		case i < at && other.DownFor() < other.options.ProbeMax: // it may be about to come back
			return sameServer(other)
		}
	}
	return nil
}

func sameServer(other *Node) error {
	return fmt.Errorf("%w: it is the same server as node %s (%s), and one server cannot hold two copies; take one of the two out "+
		"of the list (or, if one is a clone of the other, restart it empty)", ErrUnfit, other.id, other.address)
}
