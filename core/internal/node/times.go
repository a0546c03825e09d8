package node

import (
	"context"
	"time"
)

// Times of an operation. An expired deadline makes a read of a socket fail although the answer lies in it, and a timer fires
// when this process runs again: after it stood still (a CPU limit, SIGSTOP, a machine with too much to do), that nothing was
// read in time says nothing about the node. So
//   - the last millisecond of an operation's time is a second look at the socket; if it is over already, it gets another one;
//   - what was to be done before anything is sent, a dial and the first write, is tried once more, with the whole time;
//   - an operation that fails all the same much later than it should have is ErrLate.
const (
	// secondLook is how long it is: an answer that has arrived is read in microseconds.
	secondLook = time.Millisecond
	// leastLate is what counts as much later: with all CPUs in use, a machine runs a process that waits within some
	// milliseconds, and Go a goroutine within 10. Who was late is given as much for the second look, for the same reason.
	leastLate = 20 * time.Millisecond
	// lateShare: beyond a quarter of the timeout, an operation with a longer one has been at work for most of the time.
	lateShare = 4
)

// times are those of one operation.
type times struct {
	timeout  time.Duration
	request  time.Time // when the request's time ends; zero: never
	began    time.Time
	deadline time.Time
	ctxFirst bool // the deadline is the request's
	again    bool // it has begun once more
	looked   bool // for the second time
	late     bool // the time was over for long before that
}

func newTimes(ctx context.Context, timeout time.Duration) times {
	t := times{timeout: timeout}
	t.request, _ = ctx.Deadline()
	t.begin()
	return t
}

func (t *times) begin() {
	t.began = time.Now()
	t.deadline, t.ctxFirst = t.began.Add(t.timeout), false
	if !t.request.IsZero() && t.request.Before(t.deadline) {
		t.deadline, t.ctxFirst = t.request, true
	}
}

// firstLook is when the first look at the socket ends, and the second one begins.
func (t *times) firstLook() time.Time { return t.deadline.Add(-min(secondLook, t.timeout/10)) }

// overdue reports whether the operation should have ended much earlier.
func (t *times) overdue() bool {
	return time.Since(t.deadline) > max(leastLate, t.timeout/lateShare)
}

// beginAgain gives an operation that was overdue before it sent anything its time once more. It is false if it was not, or
// the request has no time left.
func (t *times) beginAgain() bool {
	if t.again || !t.overdue() {
		return false
	}
	t.again = true
	t.begin()
	return t.began.Before(t.deadline)
}

// lookAgain is false if it has been done.
func (t *times) lookAgain() bool {
	if t.looked {
		return false
	}
	look := secondLook
	if t.looked, t.late = true, t.overdue(); t.late {
		look = leastLate
	}
	if end := time.Now().Add(look); end.After(t.deadline) {
		t.deadline = end
	}
	return true
}

// tooLate reports whether the operation ends, or ran out of time, so late that this is no evidence against the node.
func (t *times) tooLate() bool { return t.late || t.overdue() }
