package msm_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestStickyOnTheWire counts the commands that a request sends to real memcached.
func TestStickyOnTheWire(t *testing.T) {
	t.Parallel()
	w := startWire(t, msm.Config{Sticky: true, Route: "a", IdleTimeout: time.Hour})
	w.do("POST", "/write")
	waitFor(t, "the session is stored", func() bool { return len(w.session()) == 1 })
	waitFor(t, "100 reads that ask no node", func() bool { // after a second without a probe one compares (rule L3)
		w.reset()
		for range 100 {
			w.do("GET", "/read")
		}
		return len(w.session()) == 0
	})
	writes := 1
	waitFor(t, "a write of one look and one write", func() bool {
		w.reset()
		w.do("POST", "/write")
		writes++
		written(t, w.manager)
		return fmt.Sprint(w.session()) == "[cas gets]"
	})

	other := w.another(msm.Config{Sticky: true, Route: "b", IdleTimeout: time.Hour})
	other.browser.Jar.SetCookies(mustURL(other.URL), w.browser.Jar.Cookies(mustURL(w.URL)))
	w.reset()
	if _, body := other.do("GET", "/read"); body != fmt.Sprint(writes) {
		t.Errorf("count %s", body)
	}
	if got := fmt.Sprint(w.session()); got != "[cas gets]" {
		t.Errorf("a takeover: %s; want one load and one write", got)
	}
}

// TestATakeoverIsOneOverHTTP has a browser that sends several requests at once with the cookie of the former instance,
// and an API's client that keeps the id that it got first, in a header.
func TestATakeoverIsOneOverHTTP(t *testing.T) {
	for name, sync := range map[string]bool{"sync": true, "async": false} {
		t.Run(name, func(t *testing.T) {
			list, _ := startServers(t, 2)
			config := msm.Config{Nodes: list, Sticky: true, BackupSync: sync, Header: "X-Session"}
			config.Route = "a"
			former := newManager(t, config)
			config.Route = "b"
			present := newManager(t, config)
			id := begin(t, former, func(s *msm.Session) { count.Set(s, 0) })
			written(t, former)
			parallel(6, func(int) {
				if resp := visit(present, id, func(s *msm.Session) { add(s) }); resp.StatusCode != 200 {
					t.Errorf("%d", resp.StatusCode)
				}
			})
			h := counting(present)
			for range 6 {
				if resp := exchange(h, "POST", "/", func(r *http.Request) { r.Header.Set("X-Session", id) }); resp.StatusCode != 200 {
					t.Errorf("%d", resp.StatusCode)
				}
			}
			if n := present.Stats().Local.Takeovers; n != 1 {
				t.Errorf("%d takeovers", n)
			}
			visit(present, id, func(s *msm.Session) {
				if n := count.Get(s); n != 12 {
					t.Errorf("counted %d of 12", n)
				}
			})
		})
	}
}

// TestStickyWritesBehind checks that changes are on the nodes within 100 ms, in one write, and that no request waits
// for it.
func TestStickyWritesBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 2)
		m := w.manager(msm.Config{Sticky: true, Backups: 1})
		id := begin(t, m, func(s *msm.Session) { add(s) })
		time.Sleep(time.Second)
		w.reset()
		began := time.Now()
		for range 100 {
			visit(m, id, func(s *msm.Session) { count.Set(s, count.Get(s)+1) })
		}
		if took := time.Since(began); took > 0 || len(w.about("msm:s:")) > 0 {
			t.Errorf("the requests took %v and sent %v", took, w.about("msm:s:"))
		}
		time.Sleep(100 * time.Millisecond)
		if got := w.about("msm:s:"); !slices.Equal(got, []string{"cas", "cas", "gets", "gets"}) {
			t.Errorf("100 changes: %v; want one write on each node", got)
		}
		visit(w.manager(msm.Config{Sticky: true, Backups: 1}), id, func(s *msm.Session) {
			if n := count.Get(s); n != 101 {
				t.Errorf("stored is %d", n)
			}
		})
	})
}
