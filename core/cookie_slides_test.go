package msm_test

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestACookieWithAnEndSlides checks that the cookie is set again while its visitor comes, whatever the visits do and
// however many there are, and no oftener than in each tenth of its life.
func TestACookieWithAnEndSlides(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]sliding{
		"reads":                          {40 * time.Second, time.Hour, 700 * time.Millisecond, "/"},
		"writes":                         {40 * time.Second, time.Hour, 700 * time.Millisecond, "/write"},
		"seldom":                         {40 * time.Second, time.Hour, 39 * time.Second, "/"},
		"a life of seconds":              {3 * time.Second, time.Hour, 200 * time.Millisecond, "/"},
		"an idle timeout as long":        {3 * time.Second, 3 * time.Second, time.Second, "/"},
		"an idle timeout that is longer": {3 * time.Second, 24 * time.Hour, time.Second, "/write"},
	} {
		t.Run(name, func(t *testing.T) {
			fakeModes(t, func(t *testing.T, another func(msm.Config) *msm.Manager) {
				c.watch(t, remembering(another(c.config())))
			})
		})
	}
}

// TestInstancesTakeTurnsWithTheCookie checks that several instances together set it no oftener.
func TestInstancesTakeTurnsWithTheCookie(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/write"} {
		synctest.Test(t, func(t *testing.T) {
			w, c := newNetwork(t, 2), sliding{40 * time.Second, time.Hour, 700 * time.Millisecond, path}
			var apps []http.Handler
			for range 3 {
				apps = append(apps, remembering(w.manager(c.config())))
			}
			c.watch(t, apps...)
		})
	}
}

// sliding is a cookie, and the visits of its client.
type sliding struct {
	life, idle, every time.Duration
	path              string
}

func (c sliding) config() msm.Config {
	return msm.Config{IdleTimeout: c.idle, Cookie: http.Cookie{MaxAge: int(c.life / time.Second)}}
}

// watch visits the apps in turn, for twice the life of the cookie, and checks when the cookie is set.
func (c sliding) watch(t *testing.T, apps ...http.Handler) {
	b := newBrowser(t).at(apps[0])
	b.visited("/login")
	last := time.Now()
	for i := range 2*int(c.life/c.every) + 1 {
		time.Sleep(c.every)
		body, lives := b.at(apps[i%len(apps)]).visited(c.path)
		passed := time.Since(last)
		switch {
		case body != "ann":
			t.Fatalf("after %d visits the visitor is %q", i+1, body)
		case len(lives) == 0 && passed > c.life/10:
			t.Fatalf("no cookie after %v", passed)
		case len(lives) > 0 && (passed < c.life/10 || len(lives) > 1 || lives[0] != int(c.life/time.Second)):
			t.Fatalf("cookies of %v after %v", lives, passed)
		case len(lives) > 0:
			last = time.Now()
		}
	}
}

// TestParallelRequestsSetOneCookie checks ten requests at the moment when a cookie is due.
func TestParallelRequestsSetOneCookie(t *testing.T) {
	t.Parallel()
	fakeModes(t, func(t *testing.T, another func(msm.Config) *msm.Manager) {
		m := another(msm.Config{Cookie: http.Cookie{MaxAge: 100}})
		id := begin(t, m, func(s *msm.Session) { add(s) })
		time.Sleep(20 * time.Second)
		var group sync.WaitGroup
		cookies := make(chan int, 10)
		for range 10 {
			group.Go(func() {
				cookies <- len(exchange(counting(m), "GET", "/", withCookie("SESSION="+id)).Header["Set-Cookie"])
			})
		}
		group.Wait()
		sum := 0
		for range 10 {
			sum += <-cookies
		}
		if sum != 1 {
			t.Errorf("ten parallel requests got %d cookies", sum)
		}
	})
}

// TestWhoNeverLooksGetsNoCookie checks a page that does not look at the session: it is the same for all visitors.
func TestWhoNeverLooksGetsNoCookie(t *testing.T) {
	t.Parallel()
	fakeModes(t, func(t *testing.T, another func(msm.Config) *msm.Manager) {
		b := newBrowser(t).at(remembering(another(msm.Config{Cookie: http.Cookie{MaxAge: 60}})))
		b.visited("/login")
		time.Sleep(30 * time.Second)
		if _, lives := b.visited("/plain"); len(lives) > 0 {
			t.Errorf("cookies of %v", lives)
		}
	})
}

// TestACookieWithoutAnEndIsSetOnce checks that it is not set again.
func TestACookieWithoutAnEndIsSetOnce(t *testing.T) {
	t.Parallel()
	fakeModes(t, func(t *testing.T, another func(msm.Config) *msm.Manager) {
		m := another(msm.Config{})
		id := begin(t, m, func(s *msm.Session) { add(s) })
		for range 10 {
			time.Sleep(10 * time.Second)
			if resp := exchange(counting(m), "GET", "/", withCookie("SESSION="+id)); len(resp.Header["Set-Cookie"]) > 0 {
				t.Fatalf("%v", resp.Header)
			}
		}
	})
}
