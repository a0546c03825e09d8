package msm_test

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestASessionThatIsNotStoredYet: G2. A balancer sends the second request of a new session to another instance. Within
// 100 ms that instance may find no session; then it finds it, although it has looked for it before.
func TestASessionThatIsNotStoredYet(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func(m *msm.Manager, id string){
		"a request":                  func(m *msm.Manager, id string) { visit(m, id, func(s *msm.Session) { s.IsNew() }) },
		"a request with two cookies": func(m *msm.Manager, id string) { visit(m, "aaaaaaaaaaaaaaaaaaaaaaaaaa-n1; SESSION="+id, addOne) },
	} {
		for _, after := range []time.Duration{0, 10 * time.Millisecond, 60 * time.Millisecond} {
			t.Run(name+" after "+after.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newNetwork(t, 2)
					here := w.manager(msm.Config{Sticky: true, Backups: 1, Route: "a"})
					there := w.manager(msm.Config{Sticky: true, Backups: 1, Route: "b"})
					id := begin(t, here, addOne)
					time.Sleep(after)
					look(there, id)
					time.Sleep(100*time.Millisecond - after)
					visit(there, id, func(s *msm.Session) {
						if n := count.Get(s); n != 1 {
							t.Errorf("100 ms after it began it counts %d", n)
						}
					})
				})
			})
		}
	}
}

// TestASessionOfAnotherInstanceThatIsGone checks that a session is looked for until its instance must have stored it,
// and from then on once in half a second.
func TestASessionOfAnotherInstanceThatIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 2)
		h := w.manager(msm.Config{Sticky: true, Backups: 1, Route: "b"}).Middleware(http.HandlerFunc(pages))
		for _, want := range []int{21 + 1, 2, 2} { // looks in a second
			w.reset()
			for range 100 {
				exchange(h, "GET", "/read", withCookie("SESSION=aaaaaaaaaaaaaaaaaaaaaaaaaa-n1.a"))
				time.Sleep(10 * time.Millisecond)
			}
			if n := len(w.about("msm:s:")); n != 3*want { // of a look: the primary, the other, the primary again
				t.Errorf("%d commands; want %d", n, 3*want)
			}
		}
	})
}

// TestASessionThatIsGoneIsAskedForOnce: T-04. In fake time, a cookie of a dead session that is sent again and again
// costs one look in half a second, not one for each request.
func TestASessionThatIsGoneIsAskedForOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 2)
		h := w.manager(msm.Config{}).Middleware(http.HandlerFunc(pages))
		for range 3 {
			w.reset()
			for range 20 {
				resp := exchange(h, "GET", "/read", withCookie("SESSION=aaaaaaaaaaaaaaaaaaaaaaaaaa-n1"))
				if body := bodyOf(resp); body != "0" || len(resp.Header["Set-Cookie"]) > 0 {
					t.Fatalf("%q %v", body, resp.Header)
				}
				time.Sleep(24 * time.Millisecond)
			}
			if got := w.about("msm:s:"); !slices.Equal(got, []string{"gets", "gets", "gets"}) { // the primary, the other one, the primary again
				t.Errorf("commands %v", got)
			}
			time.Sleep(20 * time.Millisecond) // half a second is over
		}
	})
}
