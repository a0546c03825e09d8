package msm

import "sync"

// turns lets the commits of one session in this instance happen one after the other. It is no lock that safety needs:
// without it they would meet at the node and all but one begin again. It is safe for concurrent use.
type turns struct {
	mu    sync.Mutex
	queue map[string]*turn // by token, while there is someone
}

type turn struct {
	mu      sync.Mutex
	holders int // who has it and who waits; guarded by turns.mu
}

func newTurns() *turns { return &turns{queue: make(map[string]*turn)} }

// take waits for the session's turn; waited means that another commit came between. It must be given back.
func (t *turns) take(token string) (at *turn, waited bool) {
	t.mu.Lock()
	at, waited = t.queue[token]
	if !waited {
		at = &turn{}
		t.queue[token] = at
	}
	at.holders++
	t.mu.Unlock()
	at.mu.Lock()
	return at, waited
}

func (t *turns) give(token string, at *turn) {
	at.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if at.holders--; at.holders == 0 {
		delete(t.queue, token)
	}
}
