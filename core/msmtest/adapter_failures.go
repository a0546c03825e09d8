package msmtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// fails checks that an answer is the one to a failure of nodes, and nothing else.
func (a answer) fails(t *testing.T) {
	t.Helper()
	a.failsBy(t, 503, "Your session is not available at the moment. Please try again.\n")
}

// failsBy checks an answer to a failure with that status and page. Only status 500, a fault of the program, does not
// ask the client to come again.
func (a answer) failsBy(t *testing.T, status int, page string) {
	t.Helper()
	a.cookies(t, 0)
	again := a.Header.Get("Retry-After")
	if a.StatusCode != status || (again != "") != (status != 500) || a.body != page && a.Request.Method != "HEAD" {
		t.Errorf("%d %q, Retry-After %q", a.StatusCode, a.body, again)
	}
	for name, values := range a.Header {
		if values[0] == ofHandler {
			t.Errorf("%s is that of the handler", name)
		}
	}
}

// failure is how a session fails: at which manager, with which cookie, and in which handler.
type failure struct {
	manager *msm.Manager
	cookie  string
	method  string
	touch   func(c Call)
	program bool // it is a fault of the program
}

func (s *suite) failureCases() []kase {
	dead := func(method string, touch func(c Call)) func(t *testing.T) failure {
		return func(t *testing.T) failure {
			d := s.dead(t)
			return failure{d.manager, d.cookie, method, touch, false}
		}
	}
	list := []kase{
		s.failing("a load that fails before an unsafe handler, which does not run", dead("POST", nil)),
		s.failing("a load that fails in a safe handler", dead("GET", func(c Call) { count.Get(c.Session()) })),
		s.failing("a load that fails in a safe handler that writes", dead("GET", func(c Call) { add(c) })),
		s.failing("a logout that cannot be stored", dead("GET", func(c Call) { c.Session().Destroy() })),
		s.failing("HEAD", dead("HEAD", func(c Call) { count.Get(c.Session()) })),
		s.failing("a commit that fails", func(t *testing.T) failure {
			return failure{NewManager(t, msm.Config{}), "", "GET", func(c Call) { c.Session().Set("f", func() {}) }, true}
		}),
		s.failing("a closed manager", func(t *testing.T) failure {
			m := NewManager(t, msm.Config{})
			_ = m.Close(context.Background())
			return failure{m, "", "GET", nil, false}
		}),
	}
	list = append(list, s.headerCases()...)
	return append(list,
		kase{name: "the node dies between load and commit", run: s.dying},
		kase{name: "one of two managers fails", run: s.oneOfTwo},
		kase{name: "Config.ErrorHandler answers", run: s.errorHandler},
		kase{name: "the framework learns the status", needs: []Feature{OwnStatus}, run: s.statusOfFailure},
		kase{name: "the framework learns the error, and what it says of it is withheld", needs: []Feature{ReturnedErrors}, run: s.errorOfFailure},
	)
}

// failing returns a case that checks that whatever the handler has begun to say is withheld, headers included, in every
// way to say it.
func (s *suite) failing(name string, begin func(t *testing.T) failure) kase {
	return kase{name: name, run: func(t *testing.T) {
		f := begin(t)
		answers := append(s.ways(""), s.upgrades()...)
		if f.method == "GET" {
			answers = append(answers, s.answers...)
		}
		for _, w := range answers {
			if w.name == "a file" || w.name == "a part of a file" {
				continue
			}
			t.Run(w.name, func(t *testing.T) {
				v := s.visit(t, app{group: group{
					use:    []middleware{s.sessions(f.manager), s.around(f.before(t), func(Call) {})},
					routes: []route{{f.method, "/x", w.handler}},
				}})
				if f.cookie != "" {
					v.have(f.cookie)
				}
				a := v.do(f.method, "/x")
				if f.program {
					a.failsBy(t, 500, ofProgram)
				} else {
					a.fails(t)
				}
				for _, name := range staying {
					if f.touch != nil && a.Header.Get(name) != "stays" {
						t.Errorf("%s is %q", name, a.Header.Get(name))
					}
				}
			})
		}
	}}
}

// upgrades returns ways to answer that a failure must prevent, and one, 103, that may have begun before it.
func (s *suite) upgrades() (list []way) {
	for name, h := range map[string]Handler{
		"a connection taken over": func(c Call) error {
			conn, _, err := http.NewResponseController(c.W).Hijack()
			if err == nil {
				_ = conn.Close()
			}
			return err
		},
		"101": func(c Call) error { send(c.W, http.StatusSwitchingProtocols); return nil },
		"103 and then Write": func(c Call) error {
			send(c.W, http.StatusEarlyHints)
			_, err := io.WriteString(c.W, "secret")
			return err
		},
	} {
		list = append(list, way{name: name, handler: s.handler(h)})
	}
	return list
}

func (f failure) before(t *testing.T) func(c Call) bool {
	return func(c Call) bool {
		for _, name := range leaving {
			c.W.Header().Set(name, ofHandler)
		}
		for _, name := range staying {
			c.W.Header().Set(name, "stays")
		}
		if f.touch == nil {
			t.Error("the handler runs")
			return true
		}
		f.touch(c)
		return true
	}
}

func (s *suite) dying(t *testing.T) {
	m, kill := dyingStore(t, msm.Config{})
	v := s.visit(t, s.app(m, func(c Call) error {
		add(c)
		if c.R.Method == "POST" {
			kill()
		}
		_, err := io.WriteString(c.W, "x")
		return err
	}))
	v.do("GET", "/x").gets(t, 200, "x").cookies(t, 1)
	v.do("POST", "/x").fails(t)
}

func (s *suite) oneOfTwo(t *testing.T) {
	for name, at := range map[string]int{"the outer one": 0, "the inner one": 1} {
		t.Run(name, func(t *testing.T) {
			managers := []*msm.Manager{NewManager(t, msm.Config{}), NewManager(t, msm.Config{Cookie: http.Cookie{Name: "SECOND"}})}
			a := s.app(managers[0], func(c Call) error {
				managers[at].From(c.R.Context()).Set("f", func() {})
				_, err := io.WriteString(c.W, "secret")
				return err
			})
			a.use = append(a.use, s.sessions(managers[1]))
			v := s.visit(t, a)
			v.do("GET", "/x").failsBy(t, 500, ofProgram)
			v.do("HEAD", "/x").failsBy(t, 500, ofProgram)
		})
	}
}

func (s *suite) errorHandler(t *testing.T) {
	m := NewManager(t, msm.Config{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
		var attribute *msm.AttributeError
		if !errors.As(err, &attribute) {
			t.Errorf("the error is %v", err)
		}
		w.WriteHeader(507) // no body: some frameworks hold such a status back, and send it later
	}})
	v := s.visit(t, s.app(m, func(c Call) error {
		c.Session().Set("f", func() {})
		for range 2 {
			c.W.WriteHeader(201)
			if _, err := io.Copy(c.W, strings.NewReader("secret")); err == nil {
				t.Error("a write that is withheld has no error")
			}
		}
		return nil
	}))
	if a := v.do("GET", "/x").gets(t, 507, "").cookies(t, 0); a.body != "" {
		t.Errorf("%q", a.body)
	}
}

func (s *suite) statusOfFailure(t *testing.T) {
	d := s.dead(t)
	for name, h := range map[string]Handler{
		"before the handler":   nil, // by POST
		"at the first byte":    func(c Call) error { add(c); c.W.WriteHeader(201); _, err := io.WriteString(c.W, "x"); return err },
		"after the handler":    func(c Call) error { add(c); return nil },
		"at the first a flush": func(c Call) error { add(c); c.W.(http.Flusher).Flush(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			status := 0
			a := s.app(d.manager, h)
			a.use = append([]middleware{s.around(on, func(c Call) { status = c.Status() })}, a.use...)
			v, method := s.visit(t, a), "GET"
			if h == nil {
				method = "POST"
			}
			v.have(d.cookie)
			v.do(method, "/x").fails(t)
			if status != 503 {
				t.Errorf("it believes in %d", status)
			}
		})
	}
}

func (s *suite) errorOfFailure(t *testing.T) {
	d := s.dead(t)
	for _, method := range []string{"GET", "POST"} {
		for name, write := range map[string]func(c Call) error{
			"writes":       func(c Call) error { _, err := io.WriteString(c.W, "secret"); return err },
			"writes not":   func(Call) error { return nil },
			"has an error": func(Call) error { return errHandler },
		} {
			t.Run(method+" and a handler that "+name, func(t *testing.T) {
				a := s.app(d.manager, func(c Call) error { add(c); return write(c) })
				told := false
				a.onError = func(c Call, err error) {
					told = told || errors.Is(err, msm.ErrUnavailable)
					_, _ = io.WriteString(c.W, "the app's page")
				}
				v := s.visit(t, a)
				v.have(d.cookie)
				v.do(method, "/x").fails(t)
				if !told {
					t.Error("it was not told")
				}
			})
		}
	}
}
