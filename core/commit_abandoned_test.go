package msm_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// nobodyWaits are the ways in which a client stops waiting for the response while the handler runs.
var nobodyWaits = map[string]func(h http.Handler, r *http.Request){
	"the client has gone": func(h http.Handler, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		h.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithValue(ctx, giveUp{}, cancel)))
	},
	"http.TimeoutHandler gave up": func(h http.Handler, r *http.Request) {
		ended := make(chan struct{})
		var inside http.HandlerFunc = func(w http.ResponseWriter, r *http.Request) {
			defer close(ended)
			wait := func() { <-r.Context().Done() }
			h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), giveUp{}, context.CancelFunc(wait))))
		}
		http.TimeoutHandler(inside, time.Minute, "too slow").ServeHTTP(httptest.NewRecorder(), r)
		<-ended
	},
}

// giveUp is the context key of a function that returns when the client has stopped waiting.
type giveUp struct{}

// TestALoginThatNobodyWaitsFor checks, in fake time, that the visitor keeps the session of the old id: nobody could
// tell them the new one.
func TestALoginThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	for mode, config := range map[string]msm.Config{
		"not sticky": {}, "sticky": {Sticky: true}, "sticky, sync": {Sticky: true, BackupSync: true}, "locks": {Locking: msm.LockAll},
	} {
		for who, gone := range nobodyWaits {
			for when, login := range map[string]func(s *msm.Session, gone func()) error{
				"after Renew":  func(s *msm.Session, gone func()) error { err := s.Renew(); gone(); return err },
				"before Renew": func(s *msm.Session, gone func()) error { gone(); return s.Renew() },
				"Renew, Unlock": func(s *msm.Session, gone func()) error {
					err := s.Renew()
					gone()
					_ = s.Unlock()
					return err
				},
			} {
				abandoned(t, mode+", "+who+", "+when, config, gone, func(s *msm.Session, gone func()) {
					s.Set("user", "alice")
					if err := login(s, gone); err != nil {
						t.Errorf("Renew: %v", err)
					}
				}, func(s *msm.Session) {
					if s.IsNew() || !s.Has("cart") || s.Has("user") {
						t.Errorf("the old id has %q", s.Keys())
					}
				})
			}
		}
	}
}

// TestALogoutThatNobodyWaitsFor checks that the session ends all the same.
func TestALogoutThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	for who, gone := range nobodyWaits {
		abandoned(t, who, msm.Config{}, gone, func(s *msm.Session, gone func()) {
			s.Destroy()
			gone()
		}, func(s *msm.Session) {
			if !s.IsNew() {
				t.Errorf("the session lives, with %q", s.Keys())
			}
		})
	}
}

// abandoned runs a request whose client stops waiting when the handler calls gone, and then a visit with the old id.
func abandoned(t *testing.T, name string, config msm.Config, give func(http.Handler, *http.Request), handler func(s *msm.Session, gone func()), after func(s *msm.Session)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { s.Set("cart", 1) })
			r := httptest.NewRequest("POST", "/", nil)
			r.Header.Set("Cookie", "SESSION="+id)
			give(m.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				handler(msm.From(r.Context()), r.Context().Value(giveUp{}).(context.CancelFunc))
			})), r)
			visit(m, id, after)
		})
	})
}
