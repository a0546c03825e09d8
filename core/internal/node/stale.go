package node

import "time"

// staleness is for which epoch nobody knows what on the node is stale. The zero value is for none.
type staleness struct {
	all   bool
	epoch uint32 // besides; 0: none
}

func (s staleness) of(epoch uint32) bool { return s.all || epoch != 0 && s.epoch == epoch }

// Replace says that nobody knows what on the node is stale. It is not available before its epoch has been replaced, so that
// everyone can tell that what it has is from before.
func (n *Node) Replace() {
	n.mu.Lock()
	n.stale.all = true
	n.mu.Unlock()
	n.fail(errReplaced)
}

// ReplaceEpoch is Replace for what the node had in that epoch: others may say the same, and the first who does so is enough.
func (n *Node) ReplaceEpoch(epoch uint32) {
	n.mu.Lock()
	n.stale.epoch = epoch
	n.mu.Unlock()
	n.fail(errReplaced)
}

// returned is for how long what a node has is doubted that was away: by then those who did without it, and probe it once a second at
// least, have brought it what they owe it.
const returned = 2 * time.Second

// Doubt says for how long what the node has may be stale, although it is available: another instance does without it. It is no less
// than for a node that has just come back.
func (n *Node) Doubt(life time.Duration) {
	n.doubted.Store(time.Now().Add(max(life, returned)).UnixNano())
}

// returns doubts what a node has that has come back.
func (n *Node) returns() {
	if until := time.Now().Add(returned).UnixNano(); until > n.doubted.Load() {
		n.doubted.Store(until)
	}
}

// Doubted reports whether it may.
func (n *Node) Doubted() bool {
	until := n.doubted.Load()
	return until != 0 && time.Now().UnixNano() < until
}
