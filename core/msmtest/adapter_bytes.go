package msmtest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// ways returns net/http's ways to send the first byte. file is a file to be sent.
func (s *suite) ways(file string) []way {
	list := []struct {
		name, method string
		status       int
		body         string
		run          func(w http.ResponseWriter, r *http.Request) error
	}{
		{"WriteHeader", "GET", 202, "", func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(202); return nil }},
		{"Write", "GET", 200, "x", func(w http.ResponseWriter, _ *http.Request) error { _, err := w.Write([]byte("x")); return err }},
		{"WriteString", "GET", 200, "x", func(w http.ResponseWriter, _ *http.Request) error { _, err := io.WriteString(w, "x"); return err }},
		{"ReadFrom", "GET", 200, "x", func(w http.ResponseWriter, _ *http.Request) error {
			_, err := io.Copy(w, io.LimitReader(strings.NewReader("x"), 1))
			return err
		}},
		{"Flush", "GET", 200, "", func(w http.ResponseWriter, _ *http.Request) error { w.(http.Flusher).Flush(); return nil }},
		{"FlushError", "GET", 200, "", func(w http.ResponseWriter, _ *http.Request) error { return http.NewResponseController(w).Flush() }},
		{"WriteHeader, Flush, Write", "GET", 201, "x", func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(201)
			w.(http.Flusher).Flush()
			_, err := io.WriteString(w, "x")
			return err
		}},
		{"a file", "GET", 200, "content", func(w http.ResponseWriter, r *http.Request) error { http.ServeFile(w, r, file); return nil }},
		{"a part of a file", "GET", 206, "ten", func(w http.ResponseWriter, r *http.Request) error {
			r.Header.Set("Range", "bytes=3-5")
			http.ServeFile(w, r, file)
			return nil
		}},
		{"a redirect", "POST", 303, "", func(w http.ResponseWriter, r *http.Request) error {
			http.Redirect(w, r, "/y", http.StatusSeeOther)
			return nil
		}},
		{"an error page", "GET", 404, "404 page not found\n", func(w http.ResponseWriter, r *http.Request) error { http.NotFound(w, r); return nil }},
		{"204 and no body", "DELETE", 204, "", func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(204); return nil }},
		{"304 and no body", "GET", 304, "", func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(304); return nil }},
		{"HEAD", "HEAD", 200, "", func(w http.ResponseWriter, _ *http.Request) error { _, _ = io.WriteString(w, "not sent"); return nil }},
		{"nothing at all", "GET", 200, "", func(http.ResponseWriter, *http.Request) error { return nil }},
		{"within http.TimeoutHandler", "GET", 200, "x", func(w http.ResponseWriter, r *http.Request) error {
			http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") }), 2*patience, "").ServeHTTP(w, r)
			return nil
		}},
	}
	var ways []way
	for _, l := range list {
		h := s.handler(func(c Call) error { return l.run(c.W, c.R) })
		ways = append(ways, way{l.name, l.method, l.status, l.body, h})
	}
	return ways
}

func (s *suite) firstByteCases() (list []kase) {
	for i, w := range s.ways("") {
		list = append(list, kase{name: w.name, run: func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
				t.Fatal(err)
			}
			s.firstByte(t, s.ways(file)[i])
		}})
	}
	return list
}

func (s *suite) ownAnswerCases() (list []kase) {
	for _, w := range s.answers {
		list = append(list, kase{name: w.name, run: func(t *testing.T) { s.firstByte(t, w) }})
	}
	if len(list) == 0 {
		list = append(list, kase{name: "any", needs: []Feature{OwnAnswers}})
	}
	return list
}

// firstByte checks that, however the first byte is sent, the session was stored before it, once, and its cookie goes
// along, once.
func (s *suite) firstByte(t *testing.T, w way) {
	m := NewManager(t, msm.Config{})
	v := s.visit(t, app{group: group{
		use:    []middleware{s.sessions(m)},
		routes: []route{s.countRoute()},
		groups: []group{{prefix: "/begin", use: []middleware{s.adder()}, routes: []route{{w.method, "/x", w.handler}}}},
	}})
	v.do(w.method, "/begin/x").gets(t, w.status, w.body).cookies(t, 1)
	v.counts(1)
	v.do(w.method, "/begin/x").gets(t, w.status, w.body).cookies(t, 0) // the browser has it already
	v.counts(2)
	if n := m.Stats().Saves; n != 2 {
		t.Errorf("%d saves; want 2", n)
	}
}

func (s *suite) lateCases() []kase {
	return []kase{
		{name: "a change is stored", run: func(t *testing.T) {
			v := s.visit(t, s.app(NewManager(t, msm.Config{}), func(c Call) error {
				add(c)
				_, err := io.WriteString(c.W, "x")
				add(c)
				return err
			}))
			v.do("GET", "/x").gets(t, 200, "x").cookies(t, 1)
			v.counts(2)
		}},
		{name: "a new id is refused", run: func(t *testing.T) {
			v := s.visit(t, s.app(NewManager(t, msm.Config{}), func(c Call) error {
				add(c)
				_, err := io.WriteString(c.W, "x")
				if err := c.Session().Renew(); !errors.Is(err, msm.ErrCommitted) {
					t.Errorf("Renew: %v", err)
				}
				return err
			}))
			v.do("GET", "/x").gets(t, 200, "x").cookies(t, 1)
			v.counts(1)
		}},
		{name: "a new session is refused", run: func(t *testing.T) {
			m := NewManager(t, msm.Config{})
			v := s.visit(t, s.app(m, func(c Call) error {
				_, err := io.WriteString(c.W, "x")
				add(c)
				if err := c.Session().Err(); !errors.Is(err, msm.ErrCommitted) {
					t.Errorf("Err: %v", err)
				}
				return err
			}))
			v.do("GET", "/x").gets(t, 200, "x").cookies(t, 0)
			if n := m.Stats().Saves; n != 0 {
				t.Errorf("%d saves", n)
			}
		}},
	}
}
