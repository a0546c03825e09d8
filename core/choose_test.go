package msm_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/transcoder"
)

// TestOfSeveralCookiesTheOneThatLives is the client's. If two sessions exist no cookie is, for someone may have planted
// one.
func TestOfSeveralCookiesTheOneThatLives(t *testing.T) {
	t.Parallel()
	everyMode(t, func(t *testing.T, config msm.Config) {
		m := newManager(t, config)
		h := counting(m)
		elsewhere := newManager(t, msm.Config{SigningKeys: config.SigningKeys}) // with nodes of its own
		mine, other, dead := sessionOf(t, h), sessionOf(t, h), sessionOf(t, h)
		foreign := sessionOf(t, counting(elsewhere))
		visit(m, dead, func(s *msm.Session) { s.Destroy() })
		for name, c := range map[string]struct {
			ids   []string
			known bool
		}{
			"a dead one first":              {[]string{dead, mine}, true},
			"a dead one last":               {[]string{mine, dead}, true},
			"one of another app first":      {[]string{foreign, mine}, true},
			"one of another app last":       {[]string{mine, foreign}, true},
			"all three":                     {[]string{foreign, mine, dead}, true},
			"another that lives":            {[]string{mine, other}, false},
			"another that lives, in front":  {[]string{other, mine}, false},
			"one that lives and a dead one": {[]string{mine, dead, other}, false},
		} {
			t.Run(name, func(t *testing.T) {
				line := withCookie("SESSION=" + strings.Join(c.ids, "; SESSION="))
				if got := bodyOf(exchange(h, "GET", "/", line)); (got != "0") != c.known {
					t.Errorf("a read counts %s", got)
				}
				before := bodyOf(exchange(h, "GET", "/", withCookie("SESSION="+mine)))
				if got := bodyOf(exchange(h, "POST", "/", line)); (got != "1") != c.known {
					t.Errorf("a write counts %s", got)
				}
				if after := bodyOf(exchange(h, "GET", "/", withCookie("SESSION="+mine))); (after != before) != c.known {
					t.Errorf("before the write it counted %s, and after it %s", before, after)
				}
			})
		}
	})
}

// TestAnotherInstanceTellsCookiesApart, also in sticky mode, without taking over the sessions that it only looks at.
func TestAnotherInstanceTellsCookiesApart(t *testing.T) {
	t.Parallel()
	everyMode(t, func(t *testing.T, config msm.Config) {
		if config.Nodes == "" {
			return
		}
		first, second := newManager(t, config), newManager(t, config)
		mine, other := sessionOf(t, counting(first)), sessionOf(t, counting(first))
		dead := sessionOf(t, counting(first))
		visit(first, dead, func(s *msm.Session) { s.Destroy() })
		if config.Sticky {
			written(t, first)
		}
		if got := bodyOf(exchange(counting(second), "GET", "/", withCookie("SESSION="+mine+"; SESSION="+other))); got != "0" {
			t.Errorf("of two that live one counts %s", got)
		}
		if l := second.Stats().Local; l != nil && l.Takeovers != 0 {
			t.Errorf("%d takeovers of sessions that it only looked at", l.Takeovers)
		}
		if got := bodyOf(exchange(counting(second), "POST", "/", withCookie("SESSION="+dead+"; SESSION="+mine))); got != "2" {
			t.Errorf("the one that lives counts %s", got)
		}
	})
}

// TestWhatAnotherInstanceEndedDoesNotLive checks this for a session that the instance has in memory until the message
// comes.
func TestWhatAnotherInstanceEndedDoesNotLive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 2)
		first, second := w.manager(msm.Config{Sticky: true, Backups: 1}), w.manager(msm.Config{Sticky: true, Backups: 1})
		mine, moved := sessionOf(t, counting(first)), sessionOf(t, counting(first))
		time.Sleep(time.Second)
		moved = sessionCookies(visit(second, moved, func(s *msm.Session) { add(s) }))[0].Value
		visit(second, moved, func(s *msm.Session) { s.Destroy() })
		if got := bodyOf(exchange(counting(first), "GET", "/", withCookie("SESSION="+moved+"; SESSION="+mine))); got != "1" {
			t.Errorf("beside a session that has ended elsewhere mine counts %s", got)
		}
	})
}

// TestNobodyIsBelievedOfWhomNothingIsKnown: a node that does not answer may have the other cookie's session, so no
// cookie counts.
func TestNobodyIsBelievedOfWhomNothingIsKnown(t *testing.T) {
	t.Parallel()
	list, servers := startServers(t, 2)
	m := newManager(t, msm.Config{Nodes: list, Backups: msm.NoBackup})
	h := counting(m)
	onNode := func(node string) string {
		for {
			if id := sessionOf(t, h); strings.HasSuffix(id, "-"+node) {
				return id
			}
		}
	}
	here, there := onNode("n1"), onNode("n2")
	servers["n2"].Kill()
	resp := exchange(h, "GET", "/", withCookie("SESSION="+here+"; SESSION="+there))
	if resp.StatusCode != http.StatusServiceUnavailable || len(resp.Header["Set-Cookie"]) > 0 {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

// TestAnUnreadableSessionIsAnotherApps: it does not count beside a cookie whose session can be read. Alone it is an
// error.
func TestAnUnreadableSessionIsAnotherApps(t *testing.T) {
	t.Parallel()
	list, _ := startServers(t, 1)
	m := newManager(t, msm.Config{Nodes: list})
	foreign, mine := sessionOf(t, counting(newManager(t, msm.Config{Nodes: list, Transcoder: transcoder.Gob()}))), sessionOf(t, counting(m))
	for line, status := range map[string]int{
		"SESSION=" + foreign + "; SESSION=" + mine: 200, "SESSION=" + mine + "; SESSION=" + foreign: 200, "SESSION=" + foreign: 500,
		"SESSION=" + foreign + "; SESSION=" + strings.Repeat("a", 26): 500,
	} {
		resp := exchange(counting(m), "GET", "/", withCookie(line))
		if body := bodyOf(resp); resp.StatusCode != status || status == 200 && body != "1" {
			t.Errorf("%d %q; want %d", resp.StatusCode, body, status)
		}
	}
}

// TestRequestsThatNeverLookKeepTheOneThatLives checks that they keep the one session alive that exists, and none of
// two.
func TestRequestsThatNeverLookKeepTheOneThatLives(t *testing.T) {
	t.Parallel()
	for mode, config := range map[string]msm.Config{"non-sticky": {}, "sticky": {Sticky: true}} {
		for name, two := range map[string]bool{"beside a dead one": false, "beside another that lives": true} {
			t.Run(mode+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := newManager(t, config)
					mine, other := sessionOf(t, counting(m)), sessionOf(t, counting(m))
					if !two {
						visit(m, other, func(s *msm.Session) { s.Destroy() })
					}
					for range 12 {
						time.Sleep(5 * time.Minute)
						exchange(m.Middleware(handlerOf(func(*msm.Session) {})), "GET", "/", withCookie("SESSION="+other+"; SESSION="+mine))
						synctest.Wait()
					}
					visit(m, mine, func(s *msm.Session) {
						if s.IsNew() != two {
							t.Errorf("after an hour it is gone: %v", s.IsNew())
						}
					})
				})
			})
		}
	}
}

// TestTwoCookiesCostTwoLooks checks that a client with one cookie does not pay for those that have two.
func TestTwoCookiesCostTwoLooks(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	mine, dead := sessionOf(t, counting(m)), sessionOf(t, counting(m))
	visit(m, dead, func(s *msm.Session) { s.Destroy() })
	for line, want := range map[string]uint64{"SESSION=" + mine: 1, "SESSION=" + mine + "; SESSION=" + mine: 1, "SESSION=" + mine + "; SESSION=" + dead: 3} {
		before := m.Stats().Loads
		exchange(counting(m), "GET", "/", withCookie(line))
		if got := m.Stats().Loads - before; got > want {
			t.Errorf("%d loads, of %d cookies; want %d", got, strings.Count(line, "="), want)
		}
	}
}
