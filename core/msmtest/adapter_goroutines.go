package msmtest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// goroutineCases returns the cases about streams, and about what goes on after the handler has returned.
func (s *suite) goroutineCases() []kase {
	return []kase{
		{name: "a goroutine that goes on reads the session", run: func(t *testing.T) {
			s.afterwards(t, func(t *testing.T, session *msm.Session, log *logText) {
				if n, there, err := count.Lookup(session); n != 1 || !there || err != nil || session.IsNew() {
					t.Errorf("%d, %v, %v, new %v", n, there, err, session.IsNew())
				}
				if n := log.lines(); n != 0 {
					t.Errorf("%d lines in the log", n)
				}
			})
		}},
		{name: "what it changes is refused, with one line in the log", run: func(t *testing.T) {
			s.afterwards(t, func(t *testing.T, session *msm.Session, log *logText) {
				for range 2 {
					count.Set(session, 5)
				}
				if err := session.Err(); !errors.Is(err, msm.ErrCommitted) || log.lines() != 1 {
					t.Errorf("Err: %v, %d lines in the log", err, log.lines())
				}
			})
		}},
		{name: "a job opens the session by its id", run: s.job},
		{name: "a stream commits, and ends with a logout", run: s.stream},
	}
}

// afterwards runs a goroutine of a handler that has returned and that never looked at the session.
func (s *suite) afterwards(t *testing.T, goroutine func(t *testing.T, session *msm.Session, log *logText)) {
	for mode, config := range map[string]msm.Config{"non-sticky": {}, "sticky": {Sticky: true}} {
		t.Run(mode, func(t *testing.T) {
			log := &logText{}
			config.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError}))
			done := make(chan struct{})
			v := s.visit(t, s.app(NewManager(t, config), func(c Call) error {
				if c.R.Method == "POST" {
					add(c)
					return nil
				}
				session, over := c.Session(), c.R.Context().Done() // net/http ends it after the handler
				go func() {
					defer close(done)
					<-over
					goroutine(t, session, log)
				}()
				_, err := io.WriteString(c.W, "x")
				return err
			}))
			v.do("POST", "/x")
			v.do("GET", "/x").gets(t, 200, "x")
			<-done
			v.counts(1)
		})
	}
}

func (s *suite) job(t *testing.T) {
	m, done := NewManager(t, msm.Config{}), make(chan error, 1)
	v := s.visit(t, s.app(m, func(c Call) error {
		if c.R.Method == "POST" {
			add(c)
			return nil
		}
		id, ctx := c.Session().ID(), context.WithoutCancel(c.R.Context())
		go func() {
			job, err := m.Open(ctx, id)
			if err == nil {
				count.Set(job, 5)
				err = job.Commit(ctx)
			}
			done <- err
		}()
		return nil
	}))
	v.do("POST", "/x")
	v.do("GET", "/x")
	if err := <-done; err != nil {
		t.Error(err)
	}
	v.counts(5)
}

// stream checks a stream that goes on until its session has ended.
func (s *suite) stream(t *testing.T) {
	m := NewManager(t, msm.Config{})
	v := s.visit(t, s.app(m, func(c Call) error {
		switch c.R.Method {
		case "POST":
			add(c)
			return nil
		case "HEAD": // a logout
			c.Session().Destroy()
			return nil
		}
		session := c.Session()
		watching, stop := session.Watch(c.R.Context())
		defer stop()
		c.W.Header().Set("Content-Type", "text/event-stream")
		if _, err := io.WriteString(c.W, "data: 1\n\n"); err != nil {
			return err
		}
		if err := http.NewResponseController(c.W).Flush(); err != nil {
			return err
		}
		count.Set(session, 5)
		if err := session.Commit(watching); err != nil {
			t.Error(err)
		}
		<-watching.Done()
		_, err := io.WriteString(c.W, "data: "+context.Cause(watching).Error()+"\n\n")
		return err
	}))
	v.do("POST", "/x")
	resp, err := v.browser.Do(v.request("GET", "/x"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	v.countsSoon(5) // while the stream goes on
	v.do("HEAD", "/x")
	body, err := io.ReadAll(resp.Body)
	if want := "data: 1\n\ndata: " + msm.ErrGone.Error() + "\n\n"; string(body) != want || err != nil {
		t.Errorf("%q, %v; want %q", body, err, want)
	}
}
