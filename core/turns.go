package msm

import (
	"context"
	"slices"
	"sync"
)

// turns lets the requests of one session in this instance do something one after the other, in the order in which they
// came. What belongs to the turn, such as the lock that it is about, may go from one to the next. It is safe for
// concurrent use.
type turns struct {
	limit int // of those that wait for one session; zero: none

	mu    sync.Mutex
	lines map[string]*line // by token, while someone has the turn
}

// line is those that wait for the turn of one session. Each is called by its channel, which has room.
type line struct{ waiting []chan *sessionLock }

func newTurns(limit int) *turns { return &turns{limit: limit, lines: make(map[string]*line)} }

// take waits for the session's turn; waited means that another one came before. It must be given back, unless the error
// is ErrBusy or the cause of ctx's end. What was passed on is the caller's in any case.
func (t *turns) take(ctx context.Context, token string) (passed *sessionLock, waited bool, err error) {
	called, err := t.join(token)
	if called == nil {
		return nil, err != nil, err
	}
	select {
	case passed := <-called:
		return passed, true, nil
	case <-ctx.Done():
		return t.leave(token, called), true, context.Cause(ctx)
	}
}

// join answers nil if the turn is there to be had at once, or there is no room to wait for it.
func (t *turns) join(token string) (called chan *sessionLock, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, taken := t.lines[token]
	if !taken {
		t.lines[token] = &line{}
		return nil, nil
	}
	if t.limit > 0 && len(at.waiting) >= t.limit {
		return nil, ErrBusy
	}
	called = make(chan *sessionLock, 1)
	at.waiting = append(at.waiting, called)
	return called, nil
}

// leave stops waiting. Who has been called that moment calls the next one, and answers what nobody is there to take.
func (t *turns) leave(token string, called chan *sessionLock) (left *sessionLock) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.lines[token]
	if i := slices.Index(at.waiting, called); i >= 0 {
		at.waiting = slices.Delete(at.waiting, i, i+1)
		return nil
	}
	if passed := <-called; !t.next(token, passed) {
		return passed
	}
	return nil
}

// give ends a turn. It reports whether someone has got what is passed on.
func (t *turns) give(token string, pass *sessionLock) (passed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next(token, pass)
}

// next calls who has waited longest.
func (t *turns) next(token string, pass *sessionLock) bool {
	at := t.lines[token]
	if len(at.waiting) == 0 {
		delete(t.lines, token)
		return false
	}
	at.waiting[0] <- pass
	at.waiting = slices.Delete(at.waiting, 0, 1)
	return true
}

// waiting returns how many wait for the turn.
func (t *turns) waiting(token string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at := t.lines[token]; at != nil {
		return len(at.waiting)
	}
	return 0
}
