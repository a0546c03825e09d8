package msmtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// modes are the modes of a manager.
var modes = map[string]msm.Config{
	"not sticky": {}, "sticky": {Sticky: true}, "sticky, stored first": {Sticky: true, BackupSync: true},
}

const byHand = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"

func (s *suite) takeoverCases() []kase {
	renew := func(c Call) error { add(c); return c.Session().Renew() }
	return []kase{
		s.inModes("the cookie of a new session travels with an answer that is written by hand", func(t *testing.T, config msm.Config) {
			v := s.visit(t, s.app(NewManager(t, config), s.takenOver(t, addOne, byHand)))
			v.do("GET", "/x").gets(t, 200, "x").cookies(t, 1)
			v.do("GET", "/x").gets(t, 200, "x").cookies(t, 0)
			v.counts(2)
		}),
		s.inModes("that of a renewed one, too, and the old id is dead", func(t *testing.T, config msm.Config) {
			v := s.visit(t, s.app(NewManager(t, config), onPost(s.takenOver(t, renew, byHand))))
			old := v.do("GET", "/x").cookies(t, 1).Header.Get("Set-Cookie")
			v.do("POST", "/x").gets(t, 200, "x").cookies(t, 1)
			v.counts(2)
			v.have(old)
			v.counts(0)
		}),
		s.inModes("without an answer that could bring it, a renewal is none", func(t *testing.T, config msm.Config) {
			for _, text := range []string{"", "hello\r\n\r\n"} {
				v := s.visit(t, s.app(NewManager(t, config), onPost(func(c Call) error {
					err := s.takenOver(t, renew, text)(c)
					_, _ = io.WriteString(c.W, "too late for this writer")
					return err
				})))
				v.do("GET", "/x").cookies(t, 1)
				if a, err := v.try(v.request("POST", "/x")); err == nil {
					t.Errorf("the client gets %d", a.StatusCode)
				}
				v.counts(1)
			}
		}),
		{name: "it travels with a head that comes in pieces, after hints", run: func(t *testing.T) {
			v := s.visit(t, s.app(NewManager(t, msm.Config{}), s.takenOver(t, addOne,
				"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHT", "TP/1.1 200 OK\r\nContent-Le", "ngth: 1\r\nConnection: close\r\n\r", "\n", "x")))
			v.do("GET", "/x").gets(t, 200, "x").cookies(t, 1)
			v.counts(1)
		}},
		{name: "a store that fails then is one clean answer", run: func(t *testing.T) {
			for _, begun := range []bool{false, true} {
				m, kill := dyingStore(t, msm.Config{})
				v := s.visit(t, s.app(m, onPost(func(c Call) error {
					add(c)
					kill()
					conn, _, err := http.NewResponseController(c.W).Hijack()
					if err != nil {
						return err
					}
					if _, err = io.WriteString(conn, byHand); err == nil {
						t.Error("what is withheld has no error")
					}
					return err
				})))
				if begun {
					v.do("GET", "/x").cookies(t, 1)
				}
				v.do("POST", "/x").fails(t)
			}
		}},
		{name: "one that fails has committed nothing", run: s.failedTakeover},
		{name: "the writer claims what the server's can do, and no more", run: s.claims},
	}
}

func addOne(c Call) error { add(c); return nil }

// onPost returns a handler that calls h for POST, and otherwise adds to the count.
func onPost(h Handler) Handler {
	return func(c Call) error {
		if c.R.Method == "POST" {
			return h(c)
		}
		add(c)
		return nil
	}
}

// inModes returns a case that runs in each of the modes.
func (s *suite) inModes(name string, run func(t *testing.T, config msm.Config)) kase {
	return kase{name: name, run: func(t *testing.T) {
		for mode, config := range modes {
			t.Run(mode, func(t *testing.T) { run(t, config) })
		}
	}}
}

// takenOver returns a handler that calls first, takes the connection over, writes the texts to it, and closes it.
func (s *suite) takenOver(t *testing.T, first Handler, texts ...string) Handler {
	return func(c Call) error {
		if err := first(c); err != nil {
			t.Error(err)
		}
		conn, _, err := http.NewResponseController(c.W).Hijack()
		if err != nil {
			t.Error(err)
			return nil
		}
		defer conn.Close()
		for _, text := range texts {
			if _, err := io.WriteString(conn, text); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
}

func (s *suite) failedTakeover(t *testing.T) {
	inner := s.build(s.app(NewManager(t, msm.Config{}), func(c Call) error {
		add(c)
		if _, _, err := http.NewResponseController(c.W).Hijack(); !errors.Is(err, errNoConn) {
			t.Errorf("Hijack: %v", err)
		}
		add(c)
		if err := c.Session().Renew(); err != nil {
			t.Errorf("Renew: %v", err)
		}
		_, err := io.WriteString(c.W, "x")
		return err
	}))
	v := visit(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(noConn{w, w.(http.Flusher)}, r)
	}))
	v.do("GET", "/x").gets(t, 200, "x").cookies(t, 1)
	v.counts(2)
}

var errNoConn = errors.New("this connection is not to be had")

// noConn is a writer that claims to be an http.Hijacker, as the writers of many middlewares do without asking the one
// below.
type noConn struct {
	http.ResponseWriter
	http.Flusher
}

func (noConn) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, errNoConn }

// claims compares what a handler's writer can do with what it can do without sessions: with HTTP/1 and HTTP/2, and
// inside http.TimeoutHandler, which buffers.
func (s *suite) claims(t *testing.T) {
	for _, major := range []int{1, 2} {
		for _, buffer := range []bool{false, true} {
			with, without := s.claimed(t, []middleware{s.sessions(NewManager(t, msm.Config{}))}, major, buffer), s.claimed(t, nil, major, buffer)
			if with != without {
				t.Errorf("HTTP/%d, in a buffer: %v: it can %s; without sessions %s", major, buffer, with, without)
			}
		}
	}
}

// claimed returns what a handler's writer can do.
func (s *suite) claimed(t *testing.T, use []middleware, major int, buffer bool) (list string) {
	t.Helper()
	h := s.build(app{group: group{use: use, routes: []route{{"GET", "/x", s.handler(func(c Call) error {
		list = fmt.Sprintf("flush: %v, hijack: %v, push: %v, tell of a closed connection: %v", is[http.Flusher](c.W),
			is[http.Hijacker](c.W), is[http.Pusher](c.W), is[interface{ CloseNotify() <-chan bool }](c.W))
		return nil
	})}}}})
	if buffer {
		h = http.TimeoutHandler(h, 2*patience, "")
	}
	v := visitBy(t, h, major)
	if a := v.do("GET", "/x"); a.ProtoMajor != major {
		t.Fatalf("HTTP/%d", a.ProtoMajor)
	}
	return list
}

func is[T any](w http.ResponseWriter) bool { _, ok := w.(T); return ok }
