package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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

// suspected says that an operation has run out of time. Only a probe tells whose fault that is.
func (n *Node) suspected() {
	n.timeouts.Add(1)
	n.probeNow()
}

// looked says that a probe has ended which began after so many operations had run out of time.
func (n *Node) looked(timeouts uint64) {
	n.cleared.Store(timeouts)
	n.looks.Add(1)
}

// Suspect reports whether an operation on the node has run out of time, and there has not been a probe since.
func (n *Node) Suspect() bool { return n.timeouts.Load() > n.cleared.Load() }

// Failed is the trouble of a node that failed this moment.
func (n *Node) Failed(why error) Trouble { return Trouble{ID: n.id, Address: n.address, Why: why} }

// stays is the state of a node that is not available and has failed once more. What an operation came to says more than
// that a request did without the node. Guarded by mu.
func (n *Node) stays(s *state, why error) {
	if !errors.Is(why, errReplaced) {
		n.state.Store(&state{epoch: s.epoch, since: s.since, why: why})
	}
}

// tell says why a probe has found the node not to be available, if the log has another reason or none.
func (n *Node) tell(why error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	message, now := "node is still down", reason(why)
	switch n.told {
	case now:
		return
	case "":
		message = "node is not available yet"
	}
	n.told = now
	n.log(slog.LevelWarn, message, "error", why)
}

// reason is what tells two failures apart: not the operation that met them, and no numbers, such as ports and moments.
func reason(why error) string {
	if cause := errors.Unwrap(why); cause != nil {
		why = cause
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, why.Error())
}

// log tells of a change of the node's state.
func (n *Node) log(level slog.Level, message string, args ...any) {
	n.options.Log.State(context.Background(), level, "node "+n.id, message, append([]any{"node", n.id, "address", n.address}, args...)...)
}
