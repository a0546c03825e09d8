// Package history records what the clients of one session did and saw, and checks that it is linearizable: all of it
// could have happened one after the other, each request at some moment between its begin and its answer. It is for the
// simulations; msm itself does not use it.
//
// history.go has the record and the check, model.go says what a request may make of a session.
package history

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/anishathalye/porcupine"
)

// Kind is what a request did.
type Kind string

// The kinds of requests. Each request carries, in Input.ID, the session id that its client had.
const (
	Read    Kind = "read"
	Add     Kind = "add"     // adds one to the counter, by Update
	Set     Kind = "set"     // sets the text
	Delete  Kind = "delete"  // deletes the text
	Pop     Kind = "pop"     // returns the text, and deletes it
	Renew   Kind = "renew"   // gives the session the id Input.ID + 1
	Destroy Kind = "destroy" // ends the session
)

// Input is a request.
type Input struct {
	Kind Kind
	ID   int    // which of the session's ids it came with: the first is 0, and each Renew makes the next one
	Text string // for Set
}

// Output is what an answered request saw. Of Count and Text a Read saw both, an Add the count that it made, a Pop the text
// that it took.
type Output struct {
	Gone  bool // there was no session, or it ended right after the change was made
	Maybe bool // the change may have been made before the answer, or not; it is not made later
	Count int
	Text  string
}

// Log is the history of one session. It is safe for concurrent use.
type Log struct {
	first Output

	mu    sync.Mutex
	clock int64
	calls []*Call
}

// New begins the history of a session that has the values in first.
func New(first Output) *Log { return &Log{first: first} }

// Call is one request.
type Call struct {
	log        *Log
	client     int
	in         Input
	out        Output
	began, end int64
	answered   bool
	void       bool
}

// Begin records a request of a client. It happens at some moment from then on.
func (l *Log) Begin(client int, in Input) *Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clock++
	c := &Call{log: l, client: client, in: in, began: l.clock}
	l.calls = append(l.calls, c)
	return c
}

// End records what the client saw. A call without End may have happened or not, at any time after Begin.
func (c *Call) End(out Output) {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	c.log.clock++
	c.out, c.end, c.answered = out, c.log.clock, true
}

// Drop takes a call out of the history: it is known that it did nothing, or it was promised nothing.
func (c *Call) Drop() {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	c.void = true
}

func (c *Call) String() string {
	text := fmt.Sprintf("%d..", c.began)
	if c.answered {
		text += fmt.Sprint(c.end)
	}
	text += fmt.Sprintf(" client %d, id %d: %s %s", c.client, c.in.ID, c.in.Kind, c.in.Text)
	switch {
	case !c.answered:
		return text + " -> unknown"
	case c.out.Maybe:
		return text + " -> maybe"
	case c.out.Gone:
		return text + " -> gone"
	}
	return text + fmt.Sprintf(" -> %d %q", c.out.Count, c.out.Text)
}

// Steps is far more steps of the model than it takes to decide most histories.
const Steps = 20_000_000

// ErrUndecided says that there are too many orders in which the history could have happened to try them all.
var ErrUndecided = errors.New("undecided")

// Check returns an error if the history is not linearizable, with the shortest beginning of it that is not. It returns
// ErrUndecided if that many steps of the model do not decide it. The limit is in steps, not a time, so that the same
// history is always decided or never.
func (l *Log) Check(steps int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls := slices.DeleteFunc(slices.Clone(l.calls), func(c *Call) bool {
		return c.void || !c.answered && c.in.Kind == Read || (!c.answered || c.out.Maybe) && l.over(c)
	})
	switch linear, err := l.linear(calls, l.clock, steps); {
	case linear:
		return nil
	case err != nil:
		return fmt.Errorf("%w after %d steps:%s", err, steps, list(calls, l.clock))
	}
	return l.explain(calls, steps)
}

// linear reports whether the calls up to a moment are linearizable. With an error, false means nothing.
func (l *Log) linear(calls []*Call, to int64, steps int) (bool, error) {
	if porcupine.CheckOperations(l.model(&steps), l.until(calls, to)) {
		return true, nil
	}
	if steps < 0 {
		return false, ErrUndecided
	}
	return false, nil
}

// over reports whether a call came after its id had ended. If such a call may have done nothing, it shows nothing; but
// thirty of them have more orders than can be tried.
func (l *Log) over(c *Call) bool {
	return slices.ContainsFunc(l.calls, func(end *Call) bool {
		ends := end.in.Kind == Destroy || end.in.Kind == Renew && !end.out.Gone
		return ends && !end.void && end.answered && !end.out.Maybe && end.in.ID == c.in.ID && end.end < c.began
	})
}

// explain finds the answer from which on the history is impossible.
func (l *Log) explain(calls []*Call, steps int) error {
	from, to := int64(0), l.clock
	for from+1 < to {
		mid := (from + to) / 2
		if linear, _ := l.linear(calls, mid, steps); linear {
			from = mid
		} else {
			to = mid
		}
	}
	return fmt.Errorf("not linearizable as of the answer at %d; the session began as %+v:%s", to, l.first, list(calls, to))
}

func list(calls []*Call, until int64) string {
	var text strings.Builder
	for _, c := range calls {
		if c.began <= until {
			fmt.Fprintf(&text, "\n\t%v", c)
		}
	}
	return text.String()
}

// until returns the history as it was known at a moment: what was not answered by then may have happened or not.
func (l *Log) until(calls []*Call, at int64) (list []porcupine.Operation) {
	for i, c := range calls {
		op := porcupine.Operation{ClientId: i, Input: c.in, Call: c.began, Output: c.out, Return: c.end}
		switch {
		case c.began > at:
			continue
		case !c.answered || c.end > at:
			op.Output, op.Return = nil, l.clock+int64(i)+1 // after the end, which is late enough for what never happens
		}
		list = append(list, op)
	}
	return list
}
