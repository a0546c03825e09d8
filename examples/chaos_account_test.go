package examples

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// account is a session that several requests use at once, at instances that the test chooses. It knows what the session
// was promised. It is safe for concurrent use.
type account struct {
	arena  *arena
	name   string
	client *http.Client

	mu           sync.Mutex
	cookie       string
	ids          []string // that name it; cookie is the last one
	dead         []string // that named it
	over         bool     // logged out
	acked, maybe int      // counts; those of requests that were refused or failed may be there or not
}

// newAccount begins a session at an app. In every mode the second count is stored before it is answered, and so is the
// session.
func (a *arena) newAccount(name string, app *arenaApp) *account {
	s := &account{arena: a, name: name, client: a.client}
	s.count(app)
	s.count(app)
	return s
}

// newest returns the newest cookie.
func (s *account) newest() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cookie
}

// send sends a request with the newest cookie, and keeps the cookie of the answer, as a browser does.
func (s *account) send(app *arenaApp, method, path string) (got reply, ok bool) {
	got, ok = s.arena.send(s.client, app, newRequest(method, s.arena.url(app)+path, s.newest(), nil))
	if ok {
		s.keep(got)
	}
	return got, ok
}

func (s *account) keep(got reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if got.cookie != nil && !s.over {
		s.cookie = got.cookie.Value
		s.ids = append(s.ids, s.cookie)
	}
}

// count adds one.
func (s *account) count(app *arenaApp) {
	got, _ := s.send(app, "POST", "/count")
	s.mu.Lock()
	defer s.mu.Unlock()
	if got.status == http.StatusOK {
		s.acked++
	} else {
		s.maybe++
	}
}

// counts returns how many were acknowledged.
func (s *account) counts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked
}

// has compares what an app finds with what was promised.
func (s *account) has(app *arenaApp) {
	s.arena.soon(s.name+" is served old values at "+app.route, func() bool {
		got, _ := s.send(app, "GET", "/count")
		var found struct{ Count int }
		if got.status == http.StatusOK {
			_ = json.Unmarshal([]byte(got.text), &found)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if found.Count > s.acked+s.maybe {
			s.arena.report.violate("doubled", "%s at %s: %d; %d acknowledged, %d unknown", s.name, app.route, found.Count, s.acked, s.maybe)
		}
		return found.Count >= s.acked
	}, func() {
		s.arena.report.violate("lost", "%s at %s has not all of %d counts", s.name, app.route, s.counts())
	})
}

// login gives the session a new id; the old one is dead then.
func (s *account) login(app *arenaApp) {
	s.mu.Lock()
	old := len(s.ids)
	s.mu.Unlock()
	if got, ok := s.send(app, "POST", "/login?user="+url.QueryEscape(s.name)); !ok || got.status != http.StatusOK || got.cookie == nil {
		s.arena.report.violate("refused", "%s: a login at %s is answered %d %q", s.name, app.route, got.status, got.text)
		return
	}
	s.bury(old)
}

// logout ends the session.
func (s *account) logout(app *arenaApp) {
	s.mu.Lock()
	s.over = true // the cookie of a late answer does not count any more
	old := len(s.ids)
	s.mu.Unlock()
	if got, ok := s.send(app, "POST", "/logout"); !ok || got.status != http.StatusNoContent {
		s.arena.report.violate("refused", "%s: a logout at %s is answered %d %q", s.name, app.route, got.status, got.text)
		return
	}
	s.bury(old)
}

// bury says that the first n ids must be dead from now on.
func (s *account) bury(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead, s.ids = append(s.dead, s.ids[:n]...), s.ids[n:]
}

// isGone asks an app for what must be dead.
func (s *account) isGone(app *arenaApp) {
	for _, id := range s.dead {
		s.arena.soon(s.name+"'s former id is accepted at "+app.route, func() bool {
			got, ok := s.arena.send(s.client, app, newRequest("GET", s.arena.url(app)+"/session", id, nil))
			return !ok || strings.Contains(got.text, `"id":""`)
		}, func() {
			s.arena.report.violate("resurrected", "%s at %s: a dead cookie is accepted", s.name, app.route)
		})
	}
}
