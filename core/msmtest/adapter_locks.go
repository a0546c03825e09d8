package msmtest

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

func (s *suite) lockCases() []kase {
	return []kase{
		{name: "LockAuto learns by the pattern of the route", run: func(t *testing.T) { s.learns(t, "") }},
		{name: "LockAuto learns by the pattern of the route in a group", run: func(t *testing.T) { s.learns(t, "/a") }},
		{name: "a request waits until the handler of another one is done", run: func(t *testing.T) {
			s.meanwhile(t, func(c Call, more <-chan struct{}) error {
				defer add(c)
				await(c, more)
				return nil
			}, false)
		}},
		{name: "not for a stream of events that has begun", run: func(t *testing.T) {
			s.meanwhile(t, func(c Call, more <-chan struct{}) error {
				add(c)
				c.W.Header().Set("Content-Type", "text/event-stream")
				err := http.NewResponseController(c.W).Flush()
				await(c, more)
				return err
			}, true)
		}},
		{name: "not for a connection that was taken over", run: func(t *testing.T) {
			s.meanwhile(t, func(c Call, more <-chan struct{}) error {
				add(c)
				conn, _, err := http.NewResponseController(c.W).Hijack()
				if err != nil {
					return err
				}
				defer conn.Close()
				await(c, more)
				_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				return err
			}, true)
		}},
		{name: "a panic releases the lock", run: func(t *testing.T) {
			v := s.visit(t, s.app(NewManager(t, msm.Config{Locking: msm.LockAll, LockWait: 2 * patience}), crash(nil)))
			v.do("GET", "/x").cookies(t, 1)
			_, _ = v.try(v.request("POST", "/x"))
			v.counts(1)
		}},
		{name: "who does not get the lock is answered, and the handler does not run", run: s.locked},
	}
}

// learns asks for three paths of one route.
func (s *suite) learns(t *testing.T, prefix string) {
	m := NewManager(t, msm.Config{Locking: msm.LockAuto, LockWait: 2 * patience})
	path := "/items/" + s.param
	reads := route{"GET", path, s.handler(func(c Call) error { count.Get(c.Session()); return nil })}
	adds := route{"POST", "/x", s.handler(func(c Call) error { add(c); return nil })}
	within := group{prefix: prefix, use: []middleware{s.sessions(m)}, routes: []route{reads, adds}}
	a := app{group: within}
	if prefix != "" {
		a = app{group: group{groups: []group{within}}}
	}
	v := s.visit(t, a)
	v.do("POST", prefix+"/x").cookies(t, 1)
	for i := range 3 {
		v.do("GET", fmt.Sprintf("%s/items/%d?page=%d", prefix, i, i))
	}
	locks := m.Stats().Locks
	if want := []string{"GET " + prefix + path}; !slices.Equal(locks.ReadOnly, want) || locks.Skipped != 2 {
		t.Errorf("learnt %q, %d without a lock; want %q, 2", locks.ReadOnly, locks.Skipped, want)
	}
}

// meanwhile reads the count while a handler runs. The handler ends after more is closed. free says that the reader must
// not have to wait for it.
func (s *suite) meanwhile(t *testing.T, h func(c Call, more <-chan struct{}) error, free bool) {
	more, began := make(chan struct{}), make(chan struct{})
	v := s.visit(t, s.app(NewManager(t, msm.Config{Locking: msm.LockAll, LockWait: 2 * patience}), func(c Call) error {
		if c.R.Method == "POST" {
			add(c)
			return nil
		}
		close(began)
		return h(c, more)
	}))
	v.do("POST", "/x").cookies(t, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = v.try(v.request("GET", "/x"))
	}()
	<-began
	if free {
		v.countsSoon(2)
		close(more)
		<-ended
		return
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		v.counts(2)
	}()
	select {
	case <-read:
		t.Error("it did not wait")
	case <-time.After(50 * time.Millisecond): // a later reader that did not wait would read the old count
	}
	close(more)
	<-ended
	<-read
}

func (s *suite) locked(t *testing.T) {
	m := NewManager(t, msm.Config{Locking: msm.LockAll, LockWait: 10 * time.Millisecond})
	more, began := make(chan struct{}), make(chan struct{})
	v := s.visit(t, s.app(m, func(c Call) error {
		switch {
		case c.R.Method == "POST":
			add(c)
		case strings.HasSuffix(c.R.URL.RawQuery, "first"):
			close(began)
			await(c, more)
		default:
			t.Error("its handler runs")
		}
		return nil
	}))
	v.do("POST", "/x").cookies(t, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for { // on a busy machine even a free lock may take longer than LockWait
			if a, err := v.try(v.request("GET", "/x?first")); err != nil || a.StatusCode != 503 {
				return
			}
		}
	}()
	<-began
	if a := v.do("GET", "/x").gets(t, 503, "").cookies(t, 0); a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	close(more)
	<-ended
}
