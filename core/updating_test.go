package msm_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestSessionCallsInUpdatePanic checks that they panic with a clear text instead of waiting for themselves, also when
// the function is called again for what another request has stored, and that no lock is left.
func TestSessionCallsInUpdatePanic(t *testing.T) {
	t.Parallel()
	calls := map[string]func(m *msm.Manager, w http.ResponseWriter, r *http.Request, s *msm.Session){
		"a read":    func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { msm.Get[int](s, "other") },
		"a write":   func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { s.Set("other", 1) },
		"an update": func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { add(s) },
		"a pop":     func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { s.Flashes() },
		"a flash":   func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { s.AddFlash("x") },
		"the id":    func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { s.ID() },
		"a renewal": func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { _ = s.Renew() },
		"an end":    func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { s.Destroy() },
		"a lock":    func(_ *msm.Manager, _ http.ResponseWriter, r *http.Request, s *msm.Session) { _ = s.Lock(r.Context()) },
		"an error":  func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { _ = s.Err() },
		"the answer": func(_ *msm.Manager, w http.ResponseWriter, _ *http.Request, _ *msm.Session) {
			_, _ = fmt.Fprint(w, "x")
		},
		"the answer's end": func(_ *msm.Manager, w http.ResponseWriter, _ *http.Request, _ *msm.Session) { w.WriteHeader(204) },
		"another handler": func(m *msm.Manager, w http.ResponseWriter, r *http.Request, _ *msm.Session) {
			counting(m).ServeHTTP(w, r)
		},
	}
	sharedModes(t, func(t *testing.T, config msm.Config) {
		instances := twoInstances(t, config)
		one, two := instances[0], instances[1]
		for name, call := range calls {
			for _, again := range []bool{false, true} {
				if again && config.Locking != msm.LockNone {
					continue // no other request comes between
				}
				t.Run(fmt.Sprint(name, ", again ", again), func(t *testing.T) {
					id := begin(t, one, func(s *msm.Session) { list.Set(s, nil) })
					text := panicOf(one, id, func(w http.ResponseWriter, r *http.Request) {
						n, s := 0, msm.From(r.Context())
						list.Update(s, func(l []string) []string {
							if n++; n > 1 || !again {
								call(one, w, r, s)
							}
							return append(l, "x")
						})
						visit(two, id, func(s *msm.Session) { list.Set(s, []string{"y"}) })
					})
					if !strings.Contains(text, "function given to Update") {
						t.Errorf("panic %q", text)
					}
					if resp := visit(one, id, func(s *msm.Session) { add(s) }); resp.StatusCode != 200 {
						t.Errorf("after it: %d", resp.StatusCode)
					}
				})
			}
		}
	})
}

func panicOf(m *msm.Manager, id string, f http.HandlerFunc) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	exchange(m.Middleware(f), "POST", "/", withCookie("SESSION="+id))
	return ""
}

// TestOtherGoroutinesWaitForUpdate checks that other goroutines of the same request wait, and do not panic.
func TestOtherGoroutinesWaitForUpdate(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	visit(m, "", func(s *msm.Session) {
		var others sync.WaitGroup
		count.Update(s, func(n int) int {
			for range 8 {
				others.Go(func() { s.Set("other", count.Get(s)) })
			}
			for range 1000 {
				runtime.Gosched()
			}
			return n + 1
		})
		others.Wait()
		if got := msm.Get[int](s, "other"); got != 1 {
			t.Errorf("they saw %d", got)
		}
	})
}
