package msmtest

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"testing"

	msm "github.com/gomsm/msm/core"
)

func (s *suite) requestCases() []kase {
	return []kase{
		{name: "one that reads finds nothing, and nothing is stored", run: func(t *testing.T) {
			m := NewManager(t, msm.Config{})
			v := s.visit(t, s.app(m, nil))
			v.do("GET", "/count").gets(t, 200, "0").cookies(t, 0)
			idle(t, m)
		}},
		{name: "one that is ignored passes through", run: func(t *testing.T) {
			m := NewManager(t, msm.Config{Ignore: regexp.MustCompile(`^/x$`)})
			v := s.visit(t, s.app(m, func(c Call) error {
				if sess := c.Session(); !sess.IsNew() || sess.ID() != "" || count.Get(sess) != 0 {
					t.Error("it sees a session")
				}
				_, err := io.WriteString(c.W, "x")
				return err
			}))
			v.do("POST", "/x").gets(t, 200, "x").cookies(t, 0)
			idle(t, m)
		}},
		{name: "one that is ignored and changes the session fails", run: func(t *testing.T) {
			m := NewManager(t, msm.Config{Ignore: regexp.MustCompile(`^/x$`)})
			v := s.visit(t, s.app(m, func(c Call) error {
				add(c)
				_, err := io.WriteString(c.W, "secret")
				return err
			}))
			v.do("POST", "/x").failsBy(t, 500, ofProgram)
			idle(t, m)
		}},
		{name: "a login gives a new id and keeps the rest", run: func(t *testing.T) {
			v := s.visit(t, s.app(NewManager(t, msm.Config{}), func(c Call) error {
				if c.R.Method == "POST" {
					return c.Session().Renew()
				}
				add(c)
				return nil
			}))
			before := v.do("GET", "/x").cookies(t, 1).Header.Get("Set-Cookie")
			if after := v.do("POST", "/x").cookies(t, 1).Header.Get("Set-Cookie"); after == before {
				t.Error("the id is the same")
			}
			v.counts(1)
			v.have(before)
			v.counts(0) // the old id is dead
		}},
		{name: "who logs out everywhere else is logged out in every other browser", run: func(t *testing.T) {
			m := NewManager(t, msm.Config{})
			a := s.app(m, func(c Call) error {
				sess := c.Session()
				if c.R.Method == "POST" && sess.Principal() == "" {
					return sess.SetPrincipal("ann")
				}
				list, err := m.Sessions(c.R.Context(), sess.Principal())
				if err == nil && c.R.Method == "POST" {
					err = m.DestroyAll(c.R.Context(), sess.Principal(), sess.Handle())
				}
				if err != nil {
					return err
				}
				_, err = fmt.Fprint(c.W, sess.Principal(), " ", len(list))
				return err
			})
			phone, laptop := s.visit(t, a), s.visit(t, a)
			phone.do("POST", "/x").cookies(t, 1)
			laptop.do("POST", "/x").cookies(t, 1)
			phone.do("GET", "/x").gets(t, 200, "ann 2")
			phone.do("POST", "/x").gets(t, 200, "ann 2").cookies(t, 0)
			laptop.do("GET", "/x").gets(t, 200, " 0")
			phone.do("GET", "/x").gets(t, 200, "ann 1")
		}},
		{name: "a logout removes the cookie", run: func(t *testing.T) {
			v := s.visit(t, s.app(NewManager(t, msm.Config{}), func(c Call) error {
				if c.R.Method == "POST" {
					c.Session().Destroy()
				} else {
					add(c)
				}
				return nil
			}))
			cookie := v.do("GET", "/x").cookies(t, 1).Header.Get("Set-Cookie")
			contains(t, v.do("POST", "/x").cookies(t, 1).Header.Get("Set-Cookie"), "Max-Age=0")
			v.counts(0)
			v.have(cookie)
			v.counts(0)
		}},
		{name: "the session is in the request's context too", run: func(t *testing.T) {
			m := NewManager(t, msm.Config{})
			v := s.visit(t, s.app(m, func(c Call) error {
				if c.Session() != msm.From(c.R.Context()) || c.Session() != m.From(c.R.Context()) {
					t.Error("another session")
				}
				return nil
			}))
			v.do("GET", "/x").gets(t, 200, "")
		}},
		{name: "two managers have two cookies", run: func(t *testing.T) {
			users, carts := NewManager(t, msm.Config{}), NewManager(t, msm.Config{Cookie: http.Cookie{Name: "CART"}})
			a := s.app(users, func(c Call) error {
				count.Set(users.From(c.R.Context()), 5)
				count.Set(carts.From(c.R.Context()), 7)
				return nil
			})
			a.use = append(a.use, s.sessions(carts))
			v := s.visit(t, a)
			v.do("POST", "/x").cookies(t, 2)
			v.counts(7) // Session returns the innermost one
			v.do("POST", "/x").cookies(t, 0)
		}},
		s.uploadCase(),
	}
}

// idle checks that the store was not asked.
func idle(t *testing.T, m *msm.Manager) {
	t.Helper()
	if s := m.Stats(); s.Loads+s.Saves != 0 {
		t.Errorf("%d loads, %d saves; want none", s.Loads, s.Saves)
	}
}
