package msm_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestWhatFailsAfterTheFirstByteIsCountedToo checks failures that no client sees.
func TestWhatFailsAfterTheFirstByteIsCountedToo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do    func(s *msm.Session)
		cause string
	}{
		"a change that is too large":                 {func(s *msm.Session) { s.Set("a", strings.Repeat("x", 5000)) }, "tooLarge"},
		"a value that cannot be encoded":             {func(s *msm.Session) { s.Set("a", func() {}) }, "attribute"},
		"a change, and a value that cannot":          {func(s *msm.Session) { s.Set("a", func() {}); s.Set("b", 1) }, "attribute"},
		"the first attribute of a session":           {func(s *msm.Session) { s.Destroy(); s.Set("a", 1) }, "misuse"},
		"a change of what has been destroyed by now": {nil, "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			modes(t, func(t *testing.T, config msm.Config) {
				log := &logged{}
				config.MaxSessionSize, config.Logger = 4000, log.logger()
				m := newManager(t, config)
				id := begin(t, m, func(s *msm.Session) { add(s) })
				resp := exchange(m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					s := msm.From(r.Context())
					count.Get(s)
					_, _ = io.WriteString(w, "x")
					if c.do == nil {
						add(s)
						visit(m, id, func(s *msm.Session) { s.Destroy() })
						return
					}
					c.do(s)
				})), "GET", "/", withCookie("SESSION="+id))
				if resp.StatusCode != 200 {
					t.Error(resp.StatusCode)
				}
				wantRefused(t, m, map[string]uint64{c.cause: 1})
				if n := log.count("after the response began"); n != 1 {
					t.Errorf("%d lines", n)
				}
			})
		})
	}
}

// TestARequestThatNobodyWaitsForIsNoFault checks that it is counted, and not logged.
func TestARequestThatNobodyWaitsForIsNoFault(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]error{"its client has gone": nil, "a middleware says why": errors.New("too slow")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &logged{}
				m := newManager(t, msm.Config{Locking: msm.LockAll, Logger: log.logger()})
				id := begin(t, m, func(s *msm.Session) { add(s) })
				visit(m, id, func(*msm.Session) {
					ctx, cancel := context.WithCancelCause(context.Background())
					time.AfterFunc(time.Second, func() { cancel(why) })
					resp := exchange(m.Middleware(handlerOf(func(*msm.Session) { t.Error("it runs") })), "POST", "/", func(r *http.Request) {
						withCookie("SESSION=" + id)(r)
						*r = *r.WithContext(ctx)
					})
					if resp.StatusCode != 503 {
						t.Error(resp.StatusCode)
					}
				})
				wantRefused(t, m, map[string]uint64{"abandoned": 1})
				if n := log.count("without its session"); n > 0 {
					t.Errorf("%d lines", n)
				}
			})
		})
	}
}

// TestALoadThatNobodyWaitsForIsNoFault has one request load the session for others, in sticky mode.
func TestALoadThatNobodyWaitsForIsNoFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 1)
		first, m := w.manager(msm.Config{Sticky: true, BackupSync: true}), w.manager(msm.Config{Sticky: true})
		id := begin(t, first, func(s *msm.Session) { add(s) })
		w.servers["n1"].halt()
		go visit(m, id, func(*msm.Session) {})
		synctest.Wait()
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(50*time.Millisecond, func() { cancel(errors.New("too slow")) })
		resp := exchange(m.Middleware(handlerOf(func(*msm.Session) {})), "POST", "/", func(r *http.Request) {
			withCookie("SESSION=" + id)(r)
			*r = *r.WithContext(ctx)
		})
		wantPage(t, resp, 503, nodesPage)
		wantRefused(t, m, map[string]uint64{"abandoned": 1})
		w.servers["n1"].goOn()
		time.Sleep(time.Second)
	})
}

// TestALockThatTheHandlerWaitsForNoLongerIsNoMistake checks that whatever cause the handler's context gives.
func TestALockThatTheHandlerWaitsForNoLongerIsNoMistake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, msm.Config{Locking: msm.LockApp})
		id := begin(t, m, func(s *msm.Session) { add(s) })
		errSlow := errors.New("too slow")
		visit(m, id, func(s *msm.Session) {
			_ = s.Lock(context.Background())
			wantPage(t, visit(m, id, func(s *msm.Session) {
				ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, errSlow)
				defer cancel()
				if err := s.Lock(ctx); !errors.Is(err, errSlow) || !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			}), 503, nodesPage)
		})
		wantRefused(t, m, map[string]uint64{"abandoned": 1})
	})
}

// TestStoresCountWhatTheyRefuse checks the counts of a Store, whose callers answer by themselves.
func TestStoresCountWhatTheyRefuse(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{MaxSessionSize: 4000})
	s := m.Store("a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.Commit("k", make([]byte, 5000), time.Now().Add(time.Hour))
	_ = s.CommitCtx(ctx, "k", nil, time.Now().Add(time.Hour))
	_ = s.Commit("k", nil, time.Now().Add(time.Hour))
	_ = s.Delete("k")
	_ = s.Commit("k", nil, time.Now().Add(time.Hour))
	_ = m.Close(t.Context())
	_, _, _ = s.Find("k")
	_ = s.Delete("k")
	wantRefused(t, m, map[string]uint64{"tooLarge": 1, "abandoned": 1, "gone": 1, "closed": 2})
}
