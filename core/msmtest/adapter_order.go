package msmtest

import (
	"fmt"
	"io"
	"testing"

	msm "github.com/gomsm/msm/core"
)

func on(Call) bool { return true }

func (s *suite) orderCases() []kase {
	return []kase{
		{name: "outside there is no session, and the panic says which line is missing", run: func(t *testing.T) {
			said := ""
			v := s.visit(t, app{group: group{
				use: []middleware{s.around(func(c Call) bool {
					defer func() { said = fmt.Sprint(recover()) }()
					c.Session()
					return true
				}, func(Call) {}), s.around(on, func(Call) {})},
				routes: []route{{"GET", "/x", s.handler(func(Call) error { return nil })}},
			}})
			v.do("GET", "/x")
			contains(t, said, "behind the session middleware")
			if s.line == "" {
				t.Error("Line does not say how the middleware is installed")
			}
			contains(t, said, s.line)
		}},
		{name: "without a manager the app is not built, and the panic says what is missing", run: func(t *testing.T) {
			defer func() {
				said := fmt.Sprint(recover())
				contains(t, said, "Manager")
				contains(t, said, "msm.New")
			}()
			s.build(app{group: group{use: []middleware{s.sessions(nil)}}})
		}},
		{name: "inside changes before and after the handler are one commit", run: func(t *testing.T) {
			m := NewManager(t, msm.Config{})
			a := s.app(m, func(c Call) error { add(c); return nil })
			a.use = append(a.use, s.around(func(c Call) bool { add(c); return true }, func(c Call) { add(c) }))
			v := s.visit(t, a)
			v.do("GET", "/x").gets(t, 200, "").cookies(t, 1)
			if n := m.Stats().Saves; n != 1 {
				t.Errorf("%d saves", n)
			}
		}},
		{name: "inside a change after the answer was sent is stored", run: func(t *testing.T) {
			a := s.app(NewManager(t, msm.Config{}), func(c Call) error {
				add(c)
				_, err := io.WriteString(c.W, "x")
				return err
			})
			a.use = append(a.use, s.around(on, func(c Call) {
				if c.R.Method == "POST" {
					add(c)
				}
			}))
			v := s.visit(t, a)
			v.do("POST", "/x").gets(t, 200, "x").cookies(t, 1)
			v.counts(2)
		}},
		{name: "outside the cookie is in the header once the handler is done", run: func(t *testing.T) {
			a := s.app(NewManager(t, msm.Config{}), func(c Call) error { add(c); return nil })
			a.use = append([]middleware{s.around(on, func(c Call) {
				if len(c.W.Header().Values("Set-Cookie")) != 1 {
					t.Errorf("%v", c.W.Header())
				}
			})}, a.use...)
			s.visit(t, a).do("GET", "/x").cookies(t, 1)
		}},
		{name: "inside one that answers in place of the handler commits", run: func(t *testing.T) {
			v := s.visit(t, s.stopped(t, NewManager(t, msm.Config{}), 1))
			v.do("POST", "/x").gets(t, 403, "stop").cookies(t, 1)
			v.counts(1)
		}},
		{name: "outside one that answers in place of the handler has no session", run: func(t *testing.T) {
			m := NewManager(t, msm.Config{})
			s.visit(t, s.stopped(t, m, 0)).do("POST", "/x").gets(t, 403, "stop").cookies(t, 0)
			idle(t, m)
		}},
		{name: "only a group has sessions", run: s.groups},
		{name: "only a group in a group has sessions", run: s.nestedGroups},
		{name: "a path that no route has is within", run: func(t *testing.T) {
			a := s.app(NewManager(t, msm.Config{}), nil)
			a.use = append(a.use, s.around(func(c Call) bool {
				if c.R.URL.Path == "/nowhere" {
					add(c)
				}
				return true
			}, func(Call) {}))
			v := s.visit(t, a)
			v.do("GET", "/nowhere").gets(t, 404, "").cookies(t, 1)
			v.counts(1)
		}},
	}
}

// stopped returns an app with a middleware that answers POST by itself, inside the sessions (1) or outside (0).
func (s *suite) stopped(t *testing.T, m *msm.Manager, at int) app {
	a := s.app(m, func(Call) error { t.Error("the handler runs"); return nil })
	stop := s.around(func(c Call) bool {
		if c.R.Method != "POST" {
			return true
		}
		if at == 1 {
			add(c)
		}
		c.W.WriteHeader(403)
		_, _ = io.WriteString(c.W, "stop")
		return false
	}, func(Call) {})
	if at == 1 {
		a.use = append(a.use, stop)
	} else {
		a.use = append([]middleware{stop}, a.use...)
	}
	return a
}

func (s *suite) groups(t *testing.T) {
	h := s.handler(func(c Call) error { _, err := fmt.Fprint(c.W, add(c)); return err })
	bare := s.handler(func(c Call) error { _, err := io.WriteString(c.W, "bare"); return err })
	v := s.visit(t, app{group: group{
		routes: []route{{"GET", "/bare", bare}},
		groups: []group{
			{prefix: "/a", use: []middleware{s.sessions(NewManager(t, msm.Config{}))}, routes: []route{{"POST", "/x", h}}},
			{prefix: "/b", routes: []route{{"GET", "/bare", bare}}},
		},
	}})
	v.do("GET", "/bare").gets(t, 200, "bare").cookies(t, 0)
	v.do("POST", "/a/x").gets(t, 200, "1").cookies(t, 1)
	v.do("POST", "/a/x").gets(t, 200, "2").cookies(t, 0)
	v.do("GET", "/b/bare").gets(t, 200, "bare").cookies(t, 0)
}

func (s *suite) nestedGroups(t *testing.T) {
	h := s.handler(func(c Call) error { _, err := fmt.Fprint(c.W, add(c)); return err })
	bare := s.handler(func(c Call) error { _, err := io.WriteString(c.W, "bare"); return err })
	v := s.visit(t, app{group: group{groups: []group{{
		prefix: "/a", use: []middleware{s.around(on, func(Call) {})}, routes: []route{{"GET", "/bare", bare}},
		groups: []group{{prefix: "/b", use: []middleware{s.sessions(NewManager(t, msm.Config{}))}, routes: []route{{"POST", "/x", h}}}},
	}}}})
	v.do("GET", "/a/bare").gets(t, 200, "bare").cookies(t, 0)
	v.do("POST", "/a/b/x").gets(t, 200, "1").cookies(t, 1)
	v.do("POST", "/a/b/x").gets(t, 200, "2").cookies(t, 0)
}
