package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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

// Reasons why a node is unavailable other than a failed operation or probe.
var (
	errNotProbed = errors.New("it has not answered yet")
	errReplaced  = errors.New("what it has may be stale, so it is looked at anew")
)

// Trouble returns why the node is not available. If it is available, the bool is false.
func (n *Node) Trouble() (Trouble, bool) {
	s := n.state.Load()
	if s.available {
		return Trouble{}, false
	}
	return Trouble{n.id, n.address, time.Since(s.since), s.why}, true
}

// suspected notes that an operation has timed out. Only a probe can tell whether that was the node's fault (rule N3).
func (n *Node) suspected() {
	n.timeouts.Add(1)
	n.probeNow()
}

// looked notes that a probe has ended. timeouts is the value of n.timeouts when it began.
func (n *Node) looked(timeouts uint64) {
	n.cleared.Store(timeouts)
	n.looks.Add(1)
}

// Suspect reports whether an operation has timed out, and no probe that began after it has ended.
func (n *Node) Suspect() bool { return n.timeouts.Load() > n.cleared.Load() }

// Failed returns the Trouble of a node that has failed at this moment.
func (n *Node) Failed(why error) Trouble { return Trouble{ID: n.id, Address: n.address, Why: why} }

// stays keeps an unavailable node unavailable, with why as the new reason. It keeps the former reason if why only says
// that the epoch has to be replaced, which says less. The caller holds mu.
func (n *Node) stays(s *state, why error) {
	if !errors.Is(why, errReplaced) {
		n.state.Store(&state{epoch: s.epoch, since: s.since, why: why})
	}
}

// tell logs why a probe has found the node unavailable, unless the same reason was logged last (rule N9).
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

// reason returns the text by which two failures are told apart: without the operation that met them, and without
// digits, as in ports and times.
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

// log logs a change of the node's state.
func (n *Node) log(level slog.Level, message string, args ...any) {
	n.options.Log.State(context.Background(), level, "node "+n.id, message, append([]any{"node", n.id, "address", n.address}, args...)...)
}
