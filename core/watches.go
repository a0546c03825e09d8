package msm

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// watchEvery is how often a watched session is looked at: a logout elsewhere ends its streams within that time, and ten
// thousand sessions cost 2,000 reads a second.
const watchEvery = 5 * time.Second

// watches are the sessions whose end someone waits for. It has a goroutine only while there are any. It is safe for
// concurrent use.
type watches struct {
	peek func(ctx context.Context, id sid.ID) (*record.Record, string, error) // see principals.peek

	mu     sync.Mutex
	of     map[string]*watched // by token
	stop   context.CancelFunc  // of the goroutine; nil: there is none
	closed bool
	done   sync.WaitGroup
}

func newWatches(peek func(context.Context, sid.ID) (*record.Record, string, error)) *watches {
	return &watches{peek: peek, of: make(map[string]*watched)}
}

// watched is one session, and the watches to end with it.
type watched struct {
	id   sid.ID
	ends map[*watch]struct{}
}

// watch is one call of Session.Watch.
type watch struct{ end context.CancelCauseFunc }

// add has end called when the session ends, unless ctx ends before.
func (w *watches) add(ctx context.Context, id sid.ID, end context.CancelCauseFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		end(ErrClosed)
		return
	}
	at := w.of[id.Token]
	if at == nil {
		at = &watched{id: id.Clone(), ends: make(map[*watch]struct{})}
		w.of[at.id.Token] = at
	}
	one := &watch{end}
	at.ends[one] = struct{}{}
	context.AfterFunc(ctx, func() { w.remove(at, one) })
	if w.stop == nil {
		working, stop := context.WithCancel(context.Background())
		w.stop = stop
		w.done.Go(func() { w.work(working) })
	}
}

// remove removes a watch, and ends the goroutine with the last one.
func (w *watches) remove(at *watched, one *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(at.ends, one)
	if len(at.ends) == 0 && w.of[at.id.Token] == at {
		delete(w.of, at.id.Token)
	}
	if len(w.of) == 0 && w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

// ended ends the watches of a session that has ended.
func (w *watches) ended(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tell(token, ErrGone)
}

// endedKeys is ended for sessions of which only the hashes of the tokens are known.
func (w *watches) endedKeys(keys []sid.Hash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for token := range w.of {
		if slices.Contains(keys, sid.HashOf(token)) {
			w.tell(token, ErrGone)
		}
	}
}

// tell ends a session's watches. Each is removed when its context ends. The caller holds mu.
func (w *watches) tell(token string, why error) {
	at := w.of[token]
	if at == nil {
		return
	}
	delete(w.of, token)
	for one := range at.ends {
		one.end(why)
	}
}

func (w *watches) work(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.round(ctx)
		}
	}
}

// round looks at every session once, one after the other: nobody waits for it, and it must not burden the nodes
// (rule E18).
func (w *watches) round(ctx context.Context) {
	for _, id := range w.list() {
		if ctx.Err() != nil {
			return
		}
		_, node, err := w.peek(ctx, id)
		switch {
		case errors.Is(err, replica.ErrNoSession):
			w.ended(id.Token)
		case err == nil:
			w.moved(id.Token, node)
		}
	}
}

func (w *watches) list() []sid.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]sid.ID, 0, len(w.of))
	for _, at := range w.of {
		list = append(list, at.id)
	}
	return list
}

// moved has the next round ask first the node that the session is read from.
func (w *watches) moved(token, node string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at := w.of[token]; at != nil {
		at.id.Node = node
	}
}

// close ends all watches, and waits for the goroutine. Later ones end at once.
func (w *watches) close() {
	w.mu.Lock()
	w.closed = true
	for token := range w.of {
		w.tell(token, ErrClosed)
	}
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
	w.mu.Unlock()
	w.done.Wait()
}
