package msm_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestALateRequestLeavesTheLoginsCookie: a request with the id that a login has just ended gets no cookie and stores
// nothing, unless it is another login.
func TestALateRequestLeavesTheLoginsCookie(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method  string
		do      func(*msm.Session)
		refused bool
	}{
		"a read":                  {"GET", func(s *msm.Session) { visitorName.Get(s) }, false},
		"a page that sets":        {"GET", func(s *msm.Session) { s.Set("seen", true) }, false},
		"a page that updates":     {"HEAD", func(s *msm.Session) { add(s) }, false},
		"a form that only reads":  {"POST", func(s *msm.Session) { visitorName.Get(s) }, false},
		"a form that sets":        {"POST", func(s *msm.Session) { s.Set("seen", true) }, true},
		"a form that flashes":     {"POST", func(s *msm.Session) { s.AddFlash("saved") }, true},
		"one that never looks":    {"POST", func(*msm.Session) {}, false},
		"one that leaves nothing": {"POST", func(s *msm.Session) { s.Set("x", 1); s.Delete("x") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			onTwoInstances(t, func(t *testing.T, one, two *msm.Manager) {
				old := begin(t, one, func(s *msm.Session) { s.Set("cart", "full") })
				id := login(t, one, old)
				for _, after := range []time.Duration{0, time.Second, 25 * time.Second} {
					time.Sleep(after)
					for _, m := range []*msm.Manager{one, two} {
						saves := m.Stats().Saves
						resp := exchange(m.Middleware(handlerOf(c.do)), c.method, "/", withCookie("SESSION="+old))
						if (resp.StatusCode >= 400) != c.refused || len(resp.Header["Set-Cookie"]) > 0 || m.Stats().Saves != saves {
							t.Errorf("after %v: %d %v, %d saves", after, resp.StatusCode, resp.Header, m.Stats().Saves-saves)
						}
					}
				}
				visit(two, id, func(s *msm.Session) {
					if visitorName.Get(s) != "ann" || msm.Get[string](s, "cart") != "full" {
						t.Errorf("the login's session has %v", s.Keys())
					}
				})
			})
		})
	}
}

// TestWhoComesLaterGetsASession: the response to a login may have been lost, so later a request with the old id gets a
// new session. After a logout it gets one at once.
func TestWhoComesLaterGetsASession(t *testing.T) {
	t.Parallel()
	onTwoInstances(t, func(t *testing.T, one, two *msm.Manager) {
		old := begin(t, one, func(s *msm.Session) { add(s) })
		loggedOut := begin(t, one, func(s *msm.Session) { add(s) })
		time.Sleep(time.Second)
		visit(one, loggedOut, func(s *msm.Session) { s.Destroy() })
		login(t, one, old)
		for name, id := range map[string]string{"who was logged out": loggedOut, "late": old} {
			for i, m := range []*msm.Manager{one, two, one, two} {
				if i == 0 && id == old {
					time.Sleep(31 * time.Second)
				}
				resp := visit(m, id, func(s *msm.Session) { s.Set("seen", true) })
				if resp.StatusCode != 200 || len(sessionCookies(resp)) != 1 {
					t.Errorf("%s: %d %v", name, resp.StatusCode, resp.Header)
				}
			}
		}
	})
}

// TestADoubleClickOnLogin: both answers are good, whichever cookie the browser keeps, in one instance and in two.
func TestADoubleClickOnLogin(t *testing.T) {
	t.Parallel()
	for name, looks := range map[string]func(s *msm.Session){
		"each looks first":         func(s *msm.Session) { visitorName.Get(s) },
		"and changes other things": func(s *msm.Session) { add(s) },
	} {
		t.Run(name, func(t *testing.T) {
			onTwoInstances(t, func(t *testing.T, one, two *msm.Manager) {
				for _, second := range []*msm.Manager{one, two} {
					old := begin(t, one, func(s *msm.Session) { s.Set("cart", "full") })
					time.Sleep(time.Second)
					var clicks sync.WaitGroup
					ids := make([]string, 2)
					for i, m := range []*msm.Manager{one, second} {
						clicks.Go(func() {
							resp := visit(m, old, func(s *msm.Session) {
								looks(s)
								time.Sleep(time.Millisecond) // so that both know the old session
								visitorName.Set(s, "ann")
								_ = s.Renew()
							})
							if cookies := sessionCookies(resp); resp.StatusCode == 200 && len(cookies) == 1 {
								ids[i] = cookies[0].Value
							} else {
								t.Errorf("click %d: %d %v", i, resp.StatusCode, cookies)
							}
						})
					}
					clicks.Wait()
					time.Sleep(200 * time.Millisecond) // by then another instance finds a new session
					for i, id := range ids {
						visit(second, id, func(s *msm.Session) {
							if visitorName.Get(s) != "ann" {
								t.Errorf("after click %d: %v", i, s.Keys())
							}
						})
					}
					if strings.Split(ids[0], ".")[0] == strings.Split(ids[1], ".")[0] {
						t.Error("both have one id")
					}
				}
			})
		})
	}
}

// TestALoginThatBeganBeforeALogoutIsNone: a login that began before a logout does not bring the session back.
func TestALoginThatBeganBeforeALogoutIsNone(t *testing.T) {
	t.Parallel()
	onTwoInstances(t, func(t *testing.T, one, _ *msm.Manager) {
		if one.Stats().Locks != nil {
			return // with locks the logout would wait
		}
		old := begin(t, one, func(s *msm.Session) { s.Set("cart", "full") })
		time.Sleep(time.Second)
		resp := visit(one, old, func(s *msm.Session) {
			visitorName.Set(s, "ann")
			visit(one, old, func(s *msm.Session) { s.Destroy() })
			_ = s.Renew()
		})
		if resp.StatusCode < 400 || len(sessionCookies(resp)) > 0 {
			t.Errorf("%d %v", resp.StatusCode, resp.Header)
		}
	})
}
