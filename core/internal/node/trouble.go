package node

import (
	"fmt"
	"time"
)

// Trouble says why a node could not be used, for people to read.
type Trouble struct {
	ID, Address string        // empty: not known, or there is none
	Down        time.Duration // how long it has been unavailable; zero: since this moment, or it is available
	Why         error
}

// String returns the node, since when it is down, and why.
func (t Trouble) String() string {
	text := "node"
	if t.ID != "" {
		text += " " + t.ID
	}
	if t.Address != "" {
		text += " (" + t.Address + ")"
	}
	if t.Down > 0 {
		text += fmt.Sprintf(", down for %v", t.Down.Round(time.Millisecond))
	}
	return fmt.Sprintf("%s: %v", text, t.Why)
}

// Trouble returns why the node is not available. If it is available, the bool is false.
func (n *Node) Trouble() (Trouble, bool) {
	s := n.availability.state.Load()
	if s.available {
		return Trouble{}, false
	}
	return Trouble{n.id, n.address, time.Since(s.since), s.why}, true
}

// Failed returns the Trouble of a node that has failed at this moment.
func (n *Node) Failed(why error) Trouble { return Trouble{ID: n.id, Address: n.address, Why: why} }
