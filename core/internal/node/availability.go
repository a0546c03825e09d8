package node

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Reasons why a node is unavailable other than a failed operation or probe.
var (
	errNotProbed = errors.New("it has not answered yet")
	errStale     = errors.New("what it has may be stale, so it is looked at anew")
)

// errFailed means that a probe shows nothing, since the node has failed meanwhile: another one has to.
var errFailed = errors.New("the node failed during the probe")

// state is what a request needs to know of a node. It is replaced as a whole.
type state struct {
	available bool
	epoch     uint32
	since     time.Time // when it became available, or unavailable
	why       error     // why it is not available
}

// availability decides whether a node is available, and with which epoch. What it is told are failures of operations
// and probes, epochs that operations have read, and probes that have succeeded. docs/design.md, section 6, has the
// diagram. Any goroutine may read the state; for everything else the caller holds mu.
type availability struct {
	state atomic.Pointer[state]

	mu     sync.Mutex
	events uint64       // counts failures, requests for another epoch, and epochs read by operations: they outdate a probe
	past   epochHistory // epochs that it had
	stale  staleness    // whether its epoch has to be replaced before it is used
	rival  rival        // another server under its id
	logged string       // the last logged reason why it is not available; empty: none was logged
}

// rival is another server that other instances reach under the node's id, and that came into use later (rule N16). The
// zero value means that there is none.
type rival struct {
	until time.Time // the node is not used before, unless it is found to be that server
	since time.Time // when that server came into use
}

func (r rival) exists() bool { return !r.until.IsZero() }

// fail makes the node unavailable, and reports whether it was available. If it was not, the former reason stays if the
// new one only says that the epoch has to be replaced, which says less.
func (a *availability) fail(why error, now time.Time) bool {
	a.events++
	was := a.state.Load()
	if was.available {
		a.state.Store(&state{epoch: was.epoch, since: now, why: why})
		return true
	}
	if !errors.Is(why, errStale) {
		a.state.Store(&state{epoch: was.epoch, since: was.since, why: why})
	}
	return false
}

// learn stores an epoch that an operation has read, unless the state has changed since: the node failed, or a probe
// came first.
func (a *availability) learn(epoch uint32, before *state) {
	if a.state.CompareAndSwap(before, &state{available: true, epoch: epoch, since: before.since}) {
		a.events++ // a probe may have read the epoch before
		a.past.add(epoch)
	}
}

// admit returns the state after a probe that has read the epoch, of a server that came into use at the time since.
// events is the field's value when the probe began. It returns errFailed if the node has failed since then, or is to
// get another epoch: then another probe has to tell (rule N12). It returns another error if the node must not be used.
func (a *availability) admit(epoch uint32, events uint64, since, now time.Time) (*state, error) {
	if a.events != events {
		return nil, errFailed
	}
	if err := a.misplaced(since, now); err != nil {
		return nil, err
	}
	a.stale = staleness{}
	was := a.state.Load()
	if was.epoch != epoch {
		a.past.add(epoch)
	}
	if a.past.several {
		return nil, errSeveral
	}
	if was.available {
		now = was.since
	}
	return &state{available: true, epoch: epoch, since: now}, nil
}

// misplaced returns why a node with a rival must not become available, and otherwise nil. since says when the server
// that the probe has reached came into use.
func (a *availability) misplaced(since, now time.Time) error {
	switch {
	case !a.rival.exists():
		return nil
	case !since.Before(a.rival.since):
		a.rival = rival{}
		return nil
	case now.Before(a.rival.until):
		return errElsewhere
	}
	a.rival, a.stale.all = rival{}, true
	return errFailed // the next probe replaces the epoch
}

// report returns what the log has to say when a probe has found the node unavailable; empty: nothing, since the same
// reason was logged last (rule N9).
func (a *availability) report(why error) (message string) {
	message, now := "node is still down", reason(why)
	switch a.logged {
	case now:
		return ""
	case "":
		message = "node is not available yet"
	}
	a.logged = now
	return message
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
