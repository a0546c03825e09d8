package msm_test

import (
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestLifeOfASession, in fake time: what keeps a session alive, and what ends it. Every step is a pause and a request.
func TestLifeOfASession(t *testing.T) {
	read := func(s *msm.Session) { count.Get(s) }
	write := func(s *msm.Session) { add(s) }
	untouched := func(*msm.Session) {}
	type step struct {
		pause time.Duration
		do    func(*msm.Session)
	}
	for name, c := range map[string]struct {
		config msm.Config
		begin  func(*msm.Session)
		steps  []step
		alive  bool
	}{
		"unused for just the idle timeout": {begin: write, steps: []step{{30 * time.Minute, untouched}}, alive: true},
		"unused for a twentieth longer":    {begin: write, steps: []step{{31*time.Minute + 31*time.Second, untouched}}, alive: false},
		"read again and again":             {begin: write, steps: []step{{29 * time.Minute, read}, {29 * time.Minute, read}, {29 * time.Minute, read}}, alive: true},
		"written again and again":          {begin: write, steps: []step{{29 * time.Minute, write}, {29 * time.Minute, write}}, alive: true},
		"requests that never look at it":   {begin: write, steps: []step{{29 * time.Minute, untouched}, {29 * time.Minute, untouched}, {29 * time.Minute, untouched}}, alive: true},
		"an idle timeout of its own, unused": {
			begin: func(s *msm.Session) { add(s); s.SetIdleTimeout(time.Minute) },
			steps: []step{{64 * time.Second, untouched}}, alive: false,
		},
		"an idle timeout of its own, used": {
			begin: func(s *msm.Session) { add(s); s.SetIdleTimeout(time.Minute) },
			steps: []step{{50 * time.Second, read}, {50 * time.Second, read}, {50 * time.Second, read}}, alive: true,
		},
		"used until its absolute timeout": {
			config: msm.Config{AbsoluteTimeout: time.Hour}, begin: write,
			steps: []step{{25 * time.Minute, write}, {25 * time.Minute, write}, {10 * time.Minute, untouched}}, alive: false,
		},
		"renewed before its absolute timeout": {
			config: msm.Config{AbsoluteTimeout: time.Hour}, begin: write,
			steps: []step{{25 * time.Minute, write}, {25 * time.Minute, func(s *msm.Session) { _ = s.Renew() }}, {25 * time.Minute, untouched}}, alive: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newManager(t, c.config)
				id := begin(t, m, c.begin)
				for _, s := range c.steps {
					time.Sleep(s.pause)
					resp := visit(m, id, s.do)
					synctest.Wait() // what goes on in the background
					if cookies := sessionCookies(resp); len(cookies) == 1 {
						id = cookies[0].Value
					}
				}
				visit(m, id, func(s *msm.Session) {
					if s.IsNew() == c.alive {
						t.Errorf("alive: %v", !s.IsNew())
					}
				})
				if err := m.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestKeepingAliveIsRateLimited: of many requests one in a twentieth of the idle timeout writes.
func TestKeepingAliveIsRateLimited(t *testing.T) {
	for name, look := range map[string]func(*msm.Session){
		"that read":         func(s *msm.Session) { count.Get(s) },
		"that do not touch": func(*msm.Session) {},
	} {
		t.Run("requests "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newManager(t, msm.Config{})
				id := begin(t, m, func(s *msm.Session) { add(s) })
				h := m.Middleware(handlerOf(look))
				for range 60 * 60 { // an hour, one a second
					time.Sleep(time.Second)
					exchange(h, "GET", "/", withCookie("SESSION="+id))
				}
				synctest.Wait()
				if n := m.Stats().Refreshes; n < 38 || n > 40 { // every 90 s, and a second
					t.Errorf("%d refreshes in an hour; 40 are enough", n)
				}
				if err := m.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestALogoutIsRememberedAsLongAsItMatters: G6. A node that hung may come back with the session as it was before, and
// keep it until it would have expired.
func TestALogoutIsRememberedAsLongAsItMatters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, msm.Config{})
		id := begin(t, m, func(s *msm.Session) { add(s) })
		visit(m, id, func(s *msm.Session) { s.Destroy() })
		for range 10 {
			time.Sleep(20 * time.Second)
			visit(m, id, func(s *msm.Session) {
				if !s.IsNew() {
					t.Error("it came back")
				}
			})
		}
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
