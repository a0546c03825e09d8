package msm_test

import (
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestNothingIsStoredForASessionWithoutAttributes: not for robots, and not for visitors whose only attribute was
// removed again.
func TestNothingIsStoredForASessionWithoutAttributes(t *testing.T) {
	t.Parallel()
	everyMode(t, func(t *testing.T, config msm.Config) {
		m := newManager(t, config)
		for name, do := range map[string]func(s *msm.Session){
			"reads":                     func(s *msm.Session) { msm.Get[string](s, "user"); s.Keys(); s.ID(); s.IsNew() },
			"removes":                   func(s *msm.Session) { s.Delete("user"); s.Clear() },
			"destroys":                  func(s *msm.Session) { s.Destroy() },
			"renews":                    func(s *msm.Session) { _ = s.Renew() },
			"reads flashes":             func(s *msm.Session) { s.Flashes() },
			"sets an idle timeout":      func(s *msm.Session) { s.SetIdleTimeout(time.Hour) },
			"persists":                  func(s *msm.Session) { s.Persist(time.Hour) },
			"persists and renews":       func(s *msm.Session) { s.Persist(time.Hour); _ = s.Renew() },
			"sets and deletes":          func(s *msm.Session) { s.Set("x", 1); s.Delete("x") },
			"sets and clears":           func(s *msm.Session) { s.Set("x", 1); s.Clear() },
			"sets and pops":             func(s *msm.Session) { s.Set("x", 1); msm.Pop[int](s, "x") },
			"updates and pops":          func(s *msm.Session) { add(s); count.Pop(s) },
			"flashes":                   func(s *msm.Session) { s.AddFlash("hi"); s.Flashes() },
			"sets, renews, clears":      func(s *msm.Session) { s.Set("x", 1); _ = s.Renew(); s.Clear() },
			"sets, destroys":            func(s *msm.Session) { s.Set("x", 1); s.Destroy() },
			"sets, destroys, and again": func(s *msm.Session) { s.Set("x", 1); s.Destroy(); s.Set("y", 1); s.Delete("y") },
		} {
			for _, method := range []string{"GET", "POST"} {
				t.Run(name+", "+method, func(t *testing.T) {
					before := m.Stats()
					resp := exchange(m.Middleware(handlerOf(do)), method, "/", nil)
					after := m.Stats()
					if resp.StatusCode != 200 || len(resp.Header["Set-Cookie"]) > 0 || after.Saves != before.Saves || after.Loads != before.Loads {
						t.Errorf("%d %v, %d saves, %d loads", resp.StatusCode, resp.Header, after.Saves-before.Saves, after.Loads-before.Loads)
					}
					if l := after.Local; l != nil && l.Sessions+l.PendingChanges != 0 {
						t.Errorf("%+v", l)
					}
				})
			}
		}
	})
}

// TestRemovingFromNothingCreatesNothing: T-05.
func TestRemovingFromNothingCreatesNothing(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	resp := visit(m, "", func(s *msm.Session) {
		s.Delete("a")
		s.Clear()
		s.Destroy()
		if err := s.Renew(); err != nil {
			t.Error(err)
		}
	})
	if len(resp.Header["Set-Cookie"]) > 0 || m.Stats().Saves > 0 {
		t.Errorf("%v %+v", resp.Header, m.Stats())
	}
}
