package node

import "time"

// staleness says for which epochs nobody knows what on the node is stale. The zero value means for none.
type staleness struct {
	all   bool   // every epoch
	epoch uint32 // this one; 0: none
}

func (s staleness) of(epoch uint32) bool { return s.all || epoch != 0 && s.epoch == epoch }

// Replace says that nobody knows what on the node is stale (rule N11). The node becomes unavailable until its epoch has
// been replaced, so that everyone can tell that what it has dates from before.
func (n *Node) Replace() {
	n.mu.Lock()
	n.stale.all = true
	n.mu.Unlock()
	n.fail(errReplaced)
}

// ReplaceEpoch is Replace for what the node had in the given epoch. If several instances call it for the same epoch,
// the first replacement is enough.
func (n *Node) ReplaceEpoch(epoch uint32) {
	n.mu.Lock()
	n.stale.epoch = epoch
	n.mu.Unlock()
	n.fail(errReplaced)
}

// returned is how long the data of a node are doubted after it has come back. By then the instances that did without
// it, which probe it at least once a second, have delivered what they owe it: their hints.
const returned = 2 * time.Second

// Doubt says that what the node has may be stale for the time life, although the node is available: another instance
// does without it. The time is at least that for a node that has just come back.
func (n *Node) Doubt(life time.Duration) {
	n.doubted.Store(time.Now().Add(max(life, returned)).UnixNano())
}

// returns starts the doubt of a node that has come back (rule N13).
func (n *Node) returns() {
	if until := time.Now().Add(returned).UnixNano(); until > n.doubted.Load() {
		n.doubted.Store(until)
	}
}

// Doubted reports whether what the node has may be stale.
func (n *Node) Doubted() bool {
	until := n.doubted.Load()
	return until != 0 && time.Now().UnixNano() < until
}
