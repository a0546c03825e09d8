package msmtest

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// otherCases returns the cases that check that an answer, an error and a failure come out of the framework's other
// middleware as they should.
func (s *suite) otherCases() (list []kase) {
	for _, name := range slices.Sorted(maps.Keys(s.others)) {
		for at, where := range []string{"outside", "inside"} {
			list = append(list, kase{name: name + " " + where, run: func(t *testing.T) {
				t.Run("answers", func(t *testing.T) { s.othersAnswer(t, name, at) })
				t.Run("failures", func(t *testing.T) { s.othersFail(t, name, at) })
				if _, lacks := s.lacks[ReturnedErrors]; !lacks {
					t.Run("errors", func(t *testing.T) { s.othersError(t, name, at) })
				}
			}})
		}
	}
	if len(list) == 0 {
		list = append(list, kase{name: "any", needs: []Feature{OthersAround}})
	}
	return list
}

// with adds one of the others to the app, outside the sessions (0) or inside (1).
func (s *suite) with(name string, at int, a app) app {
	if at == 0 {
		a.use = append([]middleware{s.others[name]()}, a.use...)
	} else {
		a.use = append(a.use, s.others[name]())
	}
	return a
}

func (s *suite) othersAnswer(t *testing.T, name string, at int) {
	for way, write := range map[string]func(c Call){
		"some text": func(c Call) { _, _ = io.WriteString(c.W, "some text") },
		"":          func(Call) {},
	} {
		v := s.visit(t, s.with(name, at, s.app(NewManager(t, msm.Config{}), text(func(c Call) { add(c); write(c) }))))
		v.do("GET", "/x").gets(t, 200, way).cookies(t, 1)
		v.do("POST", "/x").gets(t, 200, way).cookies(t, 0)
		v.counts(2)
	}
}

// othersFail checks that nothing of the one clean answer is lost, and nothing is appended, whatever the app writes for
// errors.
func (s *suite) othersFail(t *testing.T, name string, at int) {
	d := s.dead(t)
	for way, h := range map[string]Handler{
		"writes":       func(c Call) error { add(c); _, err := io.WriteString(c.W, "secret"); return err },
		"writes much":  func(c Call) error { add(c); _, err := c.W.Write(make([]byte, 5000)); return err },
		"writes not":   func(c Call) error { add(c); return nil },
		"has an error": func(c Call) error { add(c); return errHandler },
	} {
		a := s.with(name, at, s.app(d.manager, h))
		if _, lacks := s.lacks[ReturnedErrors]; !lacks {
			a.onError = func(c Call, err error) { _, _ = fmt.Fprint(c.W, "the app's page: ", err) }
		}
		v := s.visit(t, a)
		v.have(d.cookie)
		for _, method := range []string{"GET", "POST", "HEAD"} {
			t.Run(way+" "+method, func(t *testing.T) { v.do(method, "/x").fails(t) })
		}
	}
}

func (s *suite) othersError(t *testing.T, name string, at int) {
	a := s.with(name, at, s.app(NewManager(t, msm.Config{}), func(c Call) error { add(c); return errHandler }))
	a.onError = func(c Call, _ error) {
		c.W.WriteHeader(418)
		fmt.Fprint(c.W, "page")
	}
	v := s.visit(t, a)
	v.do("POST", "/x").gets(t, 418, "page").cookies(t, 1)
	v.counts(1)
}
