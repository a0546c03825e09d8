package examples

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// upload is a request whose body takes its time.
type upload struct {
	text string
	end  func() (got reply, ok bool) // ends the body, and waits for the answer
}

// upload begins an upload, and returns once its handler has begun, for which its session was loaded.
func (s *account) upload(app *arenaApp) *upload {
	s.arena.t.Helper()
	body, sender := io.Pipe()
	req := newRequest("PUT", s.arena.url(app)+"/attributes/upload", s.newest(), body)
	begun := make(chan struct{})
	req.Header.Set("Expect", "100-continue") // net/http answers 100 when the handler reads the body
	req = req.WithContext(httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		Got100Continue: sync.OnceFunc(func() { close(begun) }),
	}))
	u := &upload{text: s.name}
	answered := make(chan struct{})
	var got reply
	var ok bool
	go func() {
		defer close(answered)
		got, ok = s.arena.send(s.client, app, req)
		body.Close()
	}()
	select {
	case <-begun:
	case <-answered:
		s.arena.t.Errorf("%s: an upload is answered %d %q before it was sent", s.name, got.status, got.text)
	}
	u.end = func() (reply, bool) {
		_, _ = io.WriteString(sender, u.text)
		sender.Close()
		<-answered
		return got, ok
	}
	return u
}

// meanwhiles are what may happen to a session during its upload, and whether the upload is stored then.
var meanwhiles = []struct {
	name   string
	do     func(s *account, app *arenaApp)
	stored bool
}{
	{"counts", func(s *account, app *arenaApp) { s.count(app) }, true},
	{"logs out", func(s *account, app *arenaApp) { s.logout(app) }, false},
	{"logs in", func(s *account, app *arenaApp) { s.login(app) }, false},
}

// longRequests has uploads of that length. At their begin, or just before their end, something happens to their
// sessions, at the same app or another one. What has ended must stay so.
func (a *arena) longRequests(d time.Duration) {
	end := a.report.begin("change", a.scenario)
	defer end()
	var first, last []func()
	for _, m := range meanwhiles {
		for _, at := range a.apps {
			for _, elsewhere := range a.apps {
				begin := func(when string) (do, judge func()) {
					s := a.newAccount(fmt.Sprintf("who uploads at %s and %s at %s %s", at.route, m.name, elsewhere.route, when), at)
					u := s.upload(at)
					return func() { m.do(s, elsewhere) }, func() { s.judgeUpload(u, m.stored) }
				}
				do, judge := begin("at first")
				first, last = append(first, do), append(last, judge)
				do, judge = begin("in the end")
				last = append(last, do, judge)
			}
		}
	}
	for _, f := range first {
		f()
	}
	a.during(d, nil)
	for _, f := range last {
		f()
	}
}

// judgeUpload ends an upload, and checks what became of it and of its session.
func (s *account) judgeUpload(u *upload, stored bool) {
	got, ok := u.end()
	switch {
	case !ok: // reported as 5xx
	case !stored && s.arena.mode.async: // its instance may not have heard yet; nothing of the upload may be left
	case stored != (got.status == http.StatusNoContent):
		s.arena.report.violate("refused", "%s: the upload is answered %d %q", s.name, got.status, got.text)
	case stored:
		s.keep(got)
	}
	for _, app := range s.arena.apps {
		s.isGone(app)
		if s.over {
			continue
		}
		s.has(app)
		if !stored {
			continue
		}
		s.arena.soon(s.name+" does not see the upload at "+app.route, func() bool {
			got, _ := s.send(app, "GET", "/attributes/upload")
			return got.text == u.text
		}, func() { s.arena.report.violate("lost", "%s at %s: the upload was acknowledged", s.name, app.route) })
	}
}
