package msmtest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	msm "github.com/gomsm/msm/core"
)

var errHandler = errors.New("of the handler")

func (s *suite) errorCases() []kase {
	needs := []Feature{ReturnedErrors}
	fail := func(c Call) error { add(c); return errHandler }
	return []kase{
		{"an error is answered by the framework, with one cookie", needs, func(t *testing.T) {
			m := NewManager(t, msm.Config{})
			v := s.visit(t, s.app(m, fail))
			v.do("POST", "/x").cookies(t, 1)
			v.do("POST", "/x").cookies(t, 0)
			v.counts(2)
			if n := m.Stats().Saves; n != 2 {
				t.Errorf("%d saves", n)
			}
		}},
		{"an error is answered by the app, which reads the session, with one cookie", needs, func(t *testing.T) {
			a := s.app(NewManager(t, msm.Config{}), fail)
			a.onError = func(c Call, err error) {
				if !errors.Is(err, errHandler) {
					t.Errorf("the error is %v", err)
				}
				c.W.WriteHeader(418)
				fmt.Fprint(c.W, "page ", count.Get(c.Session()))
			}
			v := s.visit(t, a)
			v.do("POST", "/x").gets(t, 418, "page 1").cookies(t, 1)
			v.do("POST", "/x").gets(t, 418, "page 2").cookies(t, 0)
		}},
		{"an error without a session leaves nothing", needs, func(t *testing.T) {
			m := NewManager(t, msm.Config{})
			s.visit(t, s.app(m, func(Call) error { return errHandler })).do("GET", "/x").cookies(t, 0)
			idle(t, m)
		}},
	}
}

func (s *suite) panicCases() []kase {
	needs := []Feature{OwnRecovery}
	return []kase{
		{"a panic with the recovery outside drops the changes", needs, func(t *testing.T) {
			v := s.visit(t, s.panicking(t, 0, nil))
			v.do("POST", "/x").gets(t, 500, "").cookies(t, 0)
			v.do("GET", "/x").cookies(t, 1)
			v.do("POST", "/x").gets(t, 500, "").cookies(t, 0)
			v.counts(1)
		}},
		{"a panic with the recovery inside is answered like an error, with one cookie", needs, func(t *testing.T) {
			v := s.visit(t, s.panicking(t, 1, nil))
			v.do("POST", "/x").gets(t, 500, "").cookies(t, 1)
			v.counts(1)
		}},
		{"a panic after the first byte drops the changes after it", needs, func(t *testing.T) {
			v := s.visit(t, s.panicking(t, 0, func(c Call) {
				add(c)
				_, _ = io.WriteString(c.W, "x")
			}))
			_, _ = v.try(v.request("POST", "/x")) // the answer may be cut off
			v.counts(1)
		}},
		{"a panic that nobody recovers drops the changes, and goes on", nil, func(t *testing.T) {
			a := s.app(NewManager(t, msm.Config{}), crash(nil))
			inner := s.build(a)
			var panics atomic.Int32 // atomic, because a connection that breaks synchronizes nothing
			v := visit(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					if p := recover(); p != nil {
						panics.Add(1)
						panic(p)
					}
				}()
				inner.ServeHTTP(w, r)
			}))
			v.do("GET", "/x").cookies(t, 1)
			if a, err := v.try(v.request("POST", "/x")); err == nil {
				t.Errorf("the client gets %d", a.StatusCode)
			}
			v.counts(1)
			if n := panics.Load(); n != 1 {
				t.Errorf("%d panics", n)
			}
		}},
		{"a panic of Update's function at the commit is one clean failure, without a recovery", nil, func(t *testing.T) {
			s.panickingUpdate(t, func(use []middleware) []middleware { return use })
		}},
		{"a panic of Update's function at the commit is one clean failure, wherever a recovery stands", needs, func(t *testing.T) {
			s.panickingUpdate(t, func(use []middleware) []middleware { return append([]middleware{s.recovery()}, use...) })
			s.panickingUpdate(t, func(use []middleware) []middleware { return append(use, s.recovery()) })
		}},
	}
}

// panickingUpdate sends a request that calls Update. The function of Update meets what another request has stored
// meanwhile, and panics: at the first byte, or after the handler.
func (s *suite) panickingUpdate(t *testing.T, recovering func(use []middleware) []middleware) {
	m := NewManager(t, msm.Config{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
		http.Error(w, "failed", http.StatusInternalServerError)
	}})
	for name, answer := range map[string]func(c Call) error{
		"at the first byte": func(c Call) error { _, err := io.WriteString(c.W, "secret"); return err },
		"after the handler": func(Call) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			a := s.app(m, func(c Call) error {
				if c.R.Method == "GET" {
					add(c)
					return nil
				}
				count.Update(c.Session(), func(n int) int {
					if n > 1 {
						panic("of the function")
					}
					return n + 1
				})
				other := httptest.NewRequest("POST", "/", nil)
				other.Header["Cookie"] = c.R.Header["Cookie"]
				m.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					count.Set(msm.From(r.Context()), 5)
				})).ServeHTTP(httptest.NewRecorder(), other)
				return answer(c)
			})
			a.use = recovering(a.use)
			v := s.visit(t, a)
			v.do("GET", "/x").cookies(t, 1)
			v.do("POST", "/x").gets(t, 500, "failed\n").cookies(t, 0)
			v.counts(5)
		})
	}
}

// panicking returns an app with the framework's recovery outside the sessions (0) or inside (1).
func (s *suite) panicking(t *testing.T, at int, first func(c Call)) app {
	a := s.app(NewManager(t, msm.Config{}), crash(first))
	if at == 0 {
		a.use = append([]middleware{s.recovery()}, a.use...)
	} else {
		a.use = append(a.use, s.recovery())
	}
	return a
}

// crash returns a handler that adds to the count, and then panics for POST.
func crash(first func(c Call)) Handler {
	return func(c Call) error {
		if first != nil {
			first(c)
		}
		add(c)
		if c.R.Method == "POST" {
			panic("of the handler")
		}
		return nil
	}
}
