package node

import (
	"fmt"
	"slices"
)

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
			other.fail(fmt.Errorf("probe of node %s: %w", n.id, sameServer(n.id, n.address)))
		case i < at && other.DownFor() < probeMax: // an earlier node that failed a moment ago may come back
			return sameServer(other.id, other.address)
		}
	}
	return nil
}

// usedAfter reports whether one of the other nodes was in use long after n.
func (s *Servers) usedAfter(n *Node) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.list, func(other *Node) bool { return n.mark.longBefore(&other.mark) })
}

// OutOfUse reports whether another node was in use long after this one. Then what this one has may be stale, and
// perhaps no instance is left that remembers: the node was out of the list, or out of reach, while all instances were
// restarted.
func (n *Node) OutOfUse() bool { return n.options.Servers.usedAfter(n) }

// missedUse is OutOfUse for a node that this process has never used (rule N15). What it missed later, this process
// knows.
func (n *Node) missedUse() bool { return n.Epoch() == 0 && n.OutOfUse() }
