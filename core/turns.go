package msm

import (
	"context"
	"slices"
	"sync"
)

// turns lets the requests of one session in this instance do something one after the other, in the order in which they
// came. It is safe for concurrent use.
type turns struct {
	limit int // of those that wait for one session; zero: none

	mu    sync.Mutex
	lines map[string]*line // by token, while someone has the turn
}

// line is those that wait for the turn of one session; each is called by closing its channel.
type line struct{ waiting []chan struct{} }

func newTurns(limit int) *turns { return &turns{limit: limit, lines: make(map[string]*line)} }

// take waits for the session's turn; waited means that another one came before. It must be given back, unless the error
// is ErrBusy or that of ctx.
func (t *turns) take(ctx context.Context, token string) (waited bool, err error) {
	t.mu.Lock()
	at, taken := t.lines[token]
	if !taken {
		t.lines[token] = &line{}
		t.mu.Unlock()
		return false, nil
	}
	if t.limit > 0 && len(at.waiting) >= t.limit {
		t.mu.Unlock()
		return true, ErrBusy
	}
	called := make(chan struct{})
	at.waiting = append(at.waiting, called)
	t.mu.Unlock()
	select {
	case <-called:
		return true, nil
	case <-ctx.Done():
		return true, t.leave(token, called, ctx.Err())
	}
}

// leave stops waiting. Who has been called that moment passes the turn on.
func (t *turns) leave(token string, called chan struct{}, why error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.lines[token]
	if i := slices.Index(at.waiting, called); i >= 0 {
		at.waiting = slices.Delete(at.waiting, i, i+1)
	} else {
		t.next(token)
	}
	return why
}

// give ends a turn.
func (t *turns) give(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next(token)
}

// next calls who has waited longest.
func (t *turns) next(token string) {
	at := t.lines[token]
	if len(at.waiting) == 0 {
		delete(t.lines, token)
		return
	}
	close(at.waiting[0])
	at.waiting = slices.Delete(at.waiting, 0, 1)
}
