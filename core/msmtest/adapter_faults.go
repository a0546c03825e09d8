package msmtest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

// fault is a mistake of the program, or what another request did, and how it is answered.
type fault struct {
	config msm.Config
	do     func(m *msm.Manager, s *msm.Session)
	status int
	page   string
}

const (
	ofProgram = "Something went wrong on our side.\n"
	ofEnd     = "The session has ended meanwhile. Please try again.\n"
)

func mistake(do func(s *msm.Session)) fault { return mistakeWith(msm.Config{}, do) }

func mistakeWith(config msm.Config, do func(s *msm.Session)) fault {
	return fault{config, func(_ *msm.Manager, s *msm.Session) { do(s) }, 500, ofProgram}
}

func (s *suite) faultCases() (list []kase) {
	small := msm.Config{MaxSessionSize: 4000}
	grow := func(s *msm.Session) { s.Set("large", strings.Repeat("x", 5000)) }
	for _, c := range []struct {
		name string
		fault
	}{
		{"a value that cannot be encoded", mistake(func(s *msm.Session) { s.Set("f", func() {}) })},
		{"an attribute without a name", mistake(func(s *msm.Session) { s.Set("", 1) })},
		{"an attribute with too long a name", mistake(func(s *msm.Session) { s.Set(strings.Repeat("n", 1<<16), 1) })},
		{"an idle timeout that is none", mistake(func(s *msm.Session) { s.SetIdleTimeout(time.Millisecond) })},
		{"a lock where there are none", mistake(func(s *msm.Session) { _ = s.Lock(context.Background()) })},
		{"a session that grows too large", mistakeWith(small, grow)},
		{"a session that grows too large, in sticky mode", mistakeWith(msm.Config{MaxSessionSize: 4000, Sticky: true}, grow)},
		{"a change on an ignored path", mistakeWith(msm.Config{Ignore: regexp.MustCompile("^/x$")}, func(s *msm.Session) { s.Set("a", 1) })},
		{"a logout that was faster", fault{msm.Config{}, func(m *msm.Manager, s *msm.Session) {
			add(Call{Session: func() *msm.Session { return s }})
			end(m, s.ID())
		}, 409, ofEnd}},
	} {
		list = append(list, kase{name: c.name, run: func(t *testing.T) { s.faulty(t, c.fault) }})
	}
	return append(list, kase{name: "the log names the route's pattern, and neither the path nor the id", run: s.faultInTheLog})
}

// end destroys a session by a request of its own.
func end(m *msm.Manager, id string) {
	r, _ := http.NewRequest("POST", "/", nil)
	r.Header.Set("Cookie", "SESSION="+id)
	x, r, err := m.Begin(r, r.Pattern)
	defer x.End()
	if err == nil {
		msm.From(r.Context()).Destroy()
		_ = x.Commit(http.Header{})
	}
}

// faulty checks that the answer says whose fault it was, whenever it was noticed. Only for a fault of nodes a client is
// asked to come again.
func (s *suite) faulty(t *testing.T, f fault) {
	for name, write := range map[string]func(w http.ResponseWriter) error{
		"and writes":     func(w http.ResponseWriter) error { _, err := io.WriteString(w, "secret"); return err },
		"and is silent":  func(http.ResponseWriter) error { return nil },
		"and sends 201":  func(w http.ResponseWriter) error { w.WriteHeader(201); return nil },
		"and then flush": func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			m := NewManager(t, f.config)
			a := s.app(m, func(c Call) error {
				f.do(m, c.Session())
				return write(c.W)
			})
			a.routes = append(a.routes, route{"POST", "/begin", s.handler(func(c Call) error { add(c); return nil })})
			v := s.visit(t, a)
			v.do("POST", "/begin").cookies(t, 1)
			v.do("POST", "/x").failsBy(t, f.status, f.page)
		})
	}
}

func (s *suite) faultInTheLog(t *testing.T) {
	log := &logText{}
	m := NewManager(t, msm.Config{Logger: slog.New(slog.NewTextHandler(log, nil))})
	pattern := fmt.Sprintf("/items/%s/faulty", s.param)
	a := app{group: group{use: []middleware{s.sessions(m)}, routes: []route{
		{"POST", "/begin", s.handler(func(c Call) error { add(c); return nil })},
		{"POST", pattern, s.handler(func(c Call) error { c.Session().Set("f", func() {}); return nil })},
	}}}
	v := s.visit(t, a)
	v.do("POST", "/begin").cookies(t, 1)
	u, err := url.Parse(v.url)
	if err != nil {
		t.Fatal(err)
	}
	token := v.browser.Jar.Cookies(u)[0].Value
	v.do("POST", "/items/4711/faulty?q=4712")
	for _, text := range []string{"cause=attribute", "method=POST", "route=" + pattern + " ", "session=", "attribute=f"} {
		if !strings.Contains(log.String(), text) {
			t.Errorf("%q is missing in %s", text, log)
		}
	}
	for _, secret := range []string{token, "4711", "4712"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%s is in %s", secret, log)
		}
	}
}
