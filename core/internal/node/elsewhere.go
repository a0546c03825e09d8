package node

import (
	"fmt"
	"time"
)

var errElsewhere = fmt.Errorf("%w: other instances reach another server under this id, one that came into use later; give each "+
	"server an id of its own, or all instances the same list", ErrUnfit)

// Elsewhere says that other instances reach a younger server under the node's id, which came into use at that time. For so long the
// node is not used, unless it turns out to be that server, and then what it has is stale.
func (n *Node) Elsewhere(since time.Time, d time.Duration) {
	n.mu.Lock()
	n.elsewhere, n.younger = time.Now().Add(d), since
	n.mu.Unlock()
	n.fail(fmt.Errorf("news: %w", errElsewhere))
}

// IsElsewhere reports whether the node is not used for that.
func (n *Node) IsElsewhere() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.elsewhere.IsZero()
}

// misplaced is why the node may not become available, if others reach another server under its id. Guarded by mu.
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
	return errFailed // it is looked at anew
}
