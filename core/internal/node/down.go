package node

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// fail makes the node unavailable.
func (n *Node) fail(why error) {
	n.availability.mu.Lock()
	defer n.availability.mu.Unlock()
	if !n.availability.fail(why, time.Now()) {
		return
	}
	n.client.CancelAll() // nobody has to wait for it any longer
	n.availability.logged = reason(why)
	n.log(slog.LevelWarn, "node is down", "error", why)
	n.probeNow()
}

// suspect notes that an operation has timed out.
func (n *Node) suspect() {
	n.suspicion.timeouts.Add(1)
	n.probeNow()
}

// probeNow makes Run probe within a millisecond.
func (n *Node) probeNow() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// MarkStale says that nobody knows what on the node is stale (rule N11). The node becomes unavailable until its epoch
// has been replaced, so that everyone can tell that what it has dates from before.
func (n *Node) MarkStale() {
	n.availability.mu.Lock()
	n.availability.stale.all = true
	n.availability.mu.Unlock()
	n.fail(errStale)
}

// MarkEpochStale is MarkStale for what the node had in the given epoch. If several instances call it for the same
// epoch, the first replacement is enough.
func (n *Node) MarkEpochStale(epoch uint32) {
	n.availability.mu.Lock()
	n.availability.stale.epoch = epoch
	n.availability.mu.Unlock()
	n.fail(errStale)
}

// Elsewhere says that other instances reach another server under the node's id, which came into use later than this
// one, at since. The node is not used for d, unless a probe finds that it is that server, or one that came into use
// later still. When d is over its epoch is replaced before it is used again, because what it has may be stale.
func (n *Node) Elsewhere(since time.Time, d time.Duration) {
	n.availability.mu.Lock()
	n.availability.rival = rival{until: time.Now().Add(d), since: since}
	n.availability.mu.Unlock()
	n.fail(fmt.Errorf("message: %w", errElsewhere))
}

// IsElsewhere reports whether the node is not used because of Elsewhere.
func (n *Node) IsElsewhere() bool {
	n.availability.mu.Lock()
	defer n.availability.mu.Unlock()
	return n.availability.rival.exists()
}

// log logs a change of the node's state.
func (n *Node) log(level slog.Level, message string, args ...any) {
	n.options.Log.State(context.Background(), level, "node "+n.id, message, append([]any{"node", n.id, "address", n.address}, args...)...)
}
