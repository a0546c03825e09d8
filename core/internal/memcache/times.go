package memcache

import (
	"context"
	"time"
)

// Times of an operation. If this process stands still (a CPU limit, SIGSTOP, an overloaded machine), deadlines pass and
// timers fire as soon as it runs again, and a read of a socket fails although the answer has arrived. That says nothing
// about the node. Therefore
//
//   - the last millisecond of an operation's time is for a second look at the socket; if it has passed, another is added;
//   - a dial and the first write, before which nothing has been sent, are tried once more with the whole time;
//   - an operation that fails nevertheless, and much later than it should have, returns ErrLate.
const (
	// secondLook is how long the second look lasts: an answer that has arrived is read in microseconds.
	secondLook = time.Millisecond
	// leastLate is the least delay that counts as much later. With all CPUs in use, a machine runs a waiting process
	// within some milliseconds, and Go a goroutine within 10. For the same reason the second look of a late operation
	// gets as much time.
	leastLate = 20 * time.Millisecond
	// lateShare makes a quarter of the timeout count as much later, if that is longer than leastLate: an operation that
	// is less late was at work for most of its time.
	lateShare = 4
)

// times are the times of one operation.
type times struct {
	timeout  time.Duration
	request  time.Time // when the request's context ends; zero: never
	began    time.Time
	deadline time.Time
	ctxFirst bool // the deadline is that of the request
	again    bool // it was begun once more
	looked   bool // the second look was taken
	late     bool // the deadline had passed for long when the second look began
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

// firstLook returns when the first look at the socket ends and the second one begins.
func (t *times) firstLook() time.Time { return t.deadline.Add(-min(secondLook, t.timeout/10)) }

// overdue reports whether the operation should have ended much earlier.
func (t *times) overdue() bool {
	return time.Since(t.deadline) > max(leastLate, t.timeout/lateShare)
}

// beginAgain starts the time of an operation anew, once, if it was overdue before it had sent anything. It returns
// false if it was not, or if the request has no time left.
func (t *times) beginAgain() bool {
	if t.again || !t.overdue() {
		return false
	}
	t.again = true
	t.begin()
	return t.began.Before(t.deadline)
}

// lookAgain makes room for the second look by moving the deadline if need be. It returns false if that look was taken
// before.
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

// tooLate reports whether the operation ends, or ran out of time, so late that this is no evidence against the node
// (rule N5).
func (t *times) tooLate() bool { return t.late || t.overdue() }
