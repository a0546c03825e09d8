package requests

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	msm "github.com/gomsm/msm/core"
)

var (
	owner  = msm.NewKey[string]("owner")
	visits = msm.NewKey[int]("visits")
	note   = msm.NewKey[string]("note")
)

// app is the web app that all instances run. It begins a session only when asked to, and answers what it saw.
func (in *instance) app(rw http.ResponseWriter, r *http.Request) {
	s, what := msm.From(r.Context()), r.URL.Query().Get("what")
	if r.URL.Path == "/begin" {
		owner.Set(s, what)
		visits.Set(s, 0)
	}
	if s.IsNew() && r.URL.Path != "/begin" {
		fmt.Fprintln(rw, "gone")
		return
	}
	if c, err := r.Cookie("SESSION"); err == nil {
		defer in.enter(tokenOf(c.Value)).leave()
	}
	n := visits.Get(s)
	saw := fmt.Sprintf("%s %d %q", owner.Get(s), n, note.Get(s))
	if wait, err := time.ParseDuration(r.URL.Query().Get("wait")); err == nil {
		select {
		case <-time.After(wait):
		case <-in.crashed:
		}
		in.run("handler of " + r.Header.Get("From"))
	}
	switch r.URL.Path {
	case "/count":
		if in.world.set.locking {
			visits.Set(s, n+1) // as apps do that need locks
		} else {
			visits.Update(s, plusOne)
		}
	case "/big":
		visits.Update(s, plusOne)
		note.Set(s, strings.Repeat("big", maxSize))
	case "/note":
		note.Set(s, what)
	case "/forget":
		note.Delete(s)
	case "/idle":
		d, _ := time.ParseDuration(what)
		s.SetIdleTimeout(d)
	case "/login":
		_ = s.Renew() // it fails only if the response has begun
	case "/logout":
		s.Destroy()
	}
	fmt.Fprintln(rw, saw)
}

func plusOne(n int) int { return n + 1 }
