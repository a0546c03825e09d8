package node

import (
	"fmt"
	"time"
)

var errElsewhere = fmt.Errorf("%w: other instances reach another server under this id, one that came into use later; give each "+
	"server an id of its own, or all instances the same list", ErrUnfit)

// Elsewhere says that other instances reach another server under the node's id, which came into use later than this
// one, at since. The node is not used for d, unless a probe finds that it is that server, or one that came into use
// later still. When d is over its epoch is replaced before it is used again, because what it has may be stale.
func (n *Node) Elsewhere(since time.Time, d time.Duration) {
	n.mu.Lock()
	n.elsewhere, n.younger = time.Now().Add(d), since
	n.mu.Unlock()
	n.fail(fmt.Errorf("news: %w", errElsewhere))
}

// IsElsewhere reports whether the node is not used because of Elsewhere.
func (n *Node) IsElsewhere() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.elsewhere.IsZero()
}

// misplaced returns why the node must not become available, if Elsewhere was called; otherwise nil. The caller holds
// mu.
func (n *Node) misplaced() error {
	switch {
	case n.elsewhere.IsZero():
		return nil
	case !n.Since().Before(n.younger):
		n.elsewhere = time.Time{}
		return nil
	case time.Now().Before(n.elsewhere):
		return errElsewhere
	}
	n.elsewhere, n.stale.all = time.Time{}, true
	return errFailed // the next probe replaces the epoch
}
