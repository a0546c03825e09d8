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

// Doubt says for how long what the node has may be stale, although it is available: another instance does without it.
func (n *Node) Doubt(life time.Duration) { n.doubted.Store(time.Now().Add(life).UnixNano()) }

// Doubted reports whether it may.
func (n *Node) Doubted() bool {
	until := n.doubted.Load()
	return until != 0 && time.Now().UnixNano() < until
}
