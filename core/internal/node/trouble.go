package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Trouble is why a node was of no help, for people to read.
type Trouble struct {
	ID, Address string        // an empty one is not known, or there is none
	Down        time.Duration // for how long it has not been available; zero: since this moment, or it is
	Why         error
}

// String says which node it is, since when, and why.
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

// What makes a node unavailable besides failed operations.
var (
	errNotProbed = errors.New("it has not answered yet")
	errReplaced  = errors.New("what it has may be stale, so it is looked at anew")
)

// Trouble answers why the node is not available. It is false if the node is.
func (n *Node) Trouble() (Trouble, bool) {
	s := n.state.Load()
	if s.available {
		return Trouble{}, false
	}
	return Trouble{n.id, n.address, time.Since(s.since), s.why}, true
}

// Failed is the trouble of a node that failed this moment.
func (n *Node) Failed(why error) Trouble { return Trouble{ID: n.id, Address: n.address, Why: why} }

// stays is the state of a node that is not available and has failed once more. What an operation came to says more than
// that a request did without the node. Guarded by mu.
func (n *Node) stays(s *state, why error) {
	if !errors.Is(why, errReplaced) {
		n.state.Store(&state{epoch: s.epoch, since: s.since, back: s.back, why: why})
	}
}

// log tells of a change of the node's state.
func (n *Node) log(level slog.Level, message string, args ...any) {
	n.options.Log.State(context.Background(), level, "node "+n.id, message, append([]any{"node", n.id, "address", n.address}, args...)...)
}
