package requests

import (
	"fmt"
	"net/http"
	"time"

	msm "github.com/gomsm/msm/core"
)

var (
	owner  = msm.NewKey[string]("owner")
	visits = msm.NewKey[int]("visits")
	note   = msm.NewKey[string]("note")
)

// app is the web app that all instances run. It begins a session only when asked to, and says what it saw.
func app(rw http.ResponseWriter, r *http.Request) {
	s, what := msm.From(r.Context()), r.URL.Query().Get("what")
	if r.URL.Path == "/begin" {
		owner.Set(s, what)
		visits.Set(s, 0)
	}
	if s.IsNew() && r.URL.Path != "/begin" {
		fmt.Fprintln(rw, "gone")
		return
	}
	saw := fmt.Sprintf("%s %d %q", owner.Get(s), visits.Get(s), note.Get(s))
	if wait, err := time.ParseDuration(r.URL.Query().Get("wait")); err == nil {
		time.Sleep(wait)
	}
	switch r.URL.Path {
	case "/count":
		visits.Update(s, func(n int) int { return n + 1 })
	case "/note":
		note.Set(s, what)
	case "/forget":
		note.Delete(s)
	case "/login":
		_ = s.Renew() // only a response that has begun forbids it
	case "/logout":
		s.Destroy()
	}
	fmt.Fprintln(rw, saw)
}
