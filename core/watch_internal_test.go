package msm

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// watch opens the session and watches it.
func (p *pair) watch(m *Manager) (context.Context, context.CancelFunc) {
	p.t.Helper()
	ctx, stop := p.open(m).Watch(p.t.Context())
	p.must(ctx.Err())
	return ctx, stop
}

func (p *pair) wantEnded(what string, ctx context.Context, cause error) {
	p.t.Helper()
	synctest.Wait()
	if !errors.Is(context.Cause(ctx), cause) {
		p.t.Errorf("%s: %v; want %v", what, context.Cause(ctx), cause)
	}
}

// TestWatch checks that a stream learns of the end of its session, whoever ends it and wherever, and of nothing else.
func TestWatch(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(p *pair){
		"a logout":         func(p *pair) { p.visit(func(s *Session) { s.Destroy() }) },
		"a login":          func(p *pair) { p.visit(func(s *Session) { p.must(s.Renew()) }) },
		"an administrator": func(p *pair) { s := p.open(p.serves); s.Destroy(); p.must(s.Commit(p.t.Context())) },
	} {
		t.Run(name, func(t *testing.T) {
			inPair(t, Config{}, func(p *pair) {
				here, _ := p.watch(p.serves)
				again, _ := p.watch(p.serves)
				elsewhere, _ := p.watch(p.other)
				stopped, stop := p.watch(p.other)
				stop()
				p.visit(func(s *Session) { s.Set("n", 2) })
				time.Sleep(3 * watchEvery)
				p.wantEnded("beforehand", here, nil)
				p.wantEnded("beforehand, elsewhere", elsewhere, nil)
				end(p)
				p.wantEnded("here, at once", here, ErrGone)
				p.wantEnded("here, another stream", again, ErrGone)
				time.Sleep(watchEvery)
				p.wantEnded("elsewhere, a little later", elsewhere, ErrGone)
				p.wantEnded("stopped", stopped, context.Canceled)
				p.idles()
			})
		})
	}
}

// idles checks that nothing is watched, and that the goroutine has ended.
func (p *pair) idles() {
	p.t.Helper()
	synctest.Wait()
	for _, m := range []*Manager{p.serves, p.other} {
		m.watches.mu.Lock()
		if m.watches.stop != nil || len(m.watches.of) > 0 {
			p.t.Errorf("%d sessions are watched still", len(m.watches.of))
		}
		m.watches.mu.Unlock()
	}
}

// TestWatchIsNoUse checks that a session whose visitor has gone ends in time, although it is watched.
func TestWatchIsNoUse(t *testing.T) {
	t.Parallel()
	inPair(t, Config{IdleTimeout: 10 * time.Minute}, func(p *pair) {
		here, _ := p.watch(p.serves)
		elsewhere, _ := p.watch(p.other)
		time.Sleep(9 * time.Minute)
		p.wantEnded("in time", here, nil)
		time.Sleep(2 * time.Minute)
		p.wantEnded("here", here, ErrGone)
		p.wantEnded("elsewhere", elsewhere, ErrGone)
	})
}

// TestWatchCosts checks that a session costs one read every five seconds, however many streams it has, and nothing
// without any.
func TestWatchCosts(t *testing.T) {
	t.Parallel()
	inPair(t, Config{}, func(p *pair) {
		s := p.open(p.other)
		var stops []context.CancelFunc
		for range 10 {
			_, stop := s.Watch(p.t.Context())
			stops = append(stops, stop)
		}
		before := p.reads()
		time.Sleep(10 * watchEvery)
		synctest.Wait()
		p.wants("reads", p.reads()-before, 10)
		for _, stop := range stops {
			stop()
		}
		p.idles()
		before = p.reads()
		time.Sleep(10 * watchEvery)
		p.wants("reads afterwards", p.reads()-before, 0)
	})
}

// TestWatchThroughTrouble checks that a node that does not answer ends no stream.
func TestWatchThroughTrouble(t *testing.T) {
	t.Parallel()
	inPair(t, Config{}, func(p *pair) {
		ctx, _ := p.watch(p.other)
		p.cutOff()
		time.Sleep(3 * watchEvery)
		p.wantEnded("without a node", ctx, nil)
		p.reconnect()
		p.wants("logout", p.visit(func(s *Session) { s.Destroy() }), http.StatusOK)
		time.Sleep(2 * watchEvery)
		p.wantEnded("with one again", ctx, ErrGone)
	})
}

// TestWatchEndsWith checks that a watch ends with its context, and with the manager.
func TestWatchEndsWith(t *testing.T) {
	t.Parallel()
	inPair(t, Config{}, func(p *pair) {
		parent, cancel := context.WithCancelCause(p.t.Context())
		ofParent, _ := p.open(p.other).Watch(parent)
		left := errors.New("the client has left")
		cancel(left)
		p.wantEnded("the parent's end", ofParent, left)
		p.idles()
		closed, _ := p.watch(p.other)
		s := p.open(p.other)
		p.must(p.other.Close(p.t.Context()))
		p.wantEnded("the manager's end", closed, ErrClosed)
		late, _ := s.Watch(p.t.Context())
		p.wantEnded("after that", late, ErrClosed)
	})
}

// TestWatchInAHandler checks that a request's session can be watched once it is stored.
func TestWatchInAHandler(t *testing.T) {
	t.Parallel()
	inPair(t, Config{}, func(p *pair) {
		var before, after context.Context
		h := p.serves.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s := From(r.Context())
			s.Set("n", 1)
			before, _ = s.Watch(p.t.Context())
			w.WriteHeader(http.StatusOK)
			after, _ = s.Watch(p.t.Context())
		}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
		p.wantEnded("before it begins", before, ErrGone)
		p.wantEnded("after that", after, nil)
		p.id = w.Result().Cookies()[0].Value
		p.visit(func(s *Session) { s.Destroy() })
		p.wantEnded("a logout", after, ErrGone)
	})
}
