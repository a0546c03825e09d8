package msm_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestALogoutBeforeItsSessionIsStored: G6. A sticky instance has made a session, which it stores a moment later. A
// logout or login reaches another instance before that, which does not find the session. It ends all the same.
func TestALogoutBeforeItsSessionIsStored(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*msm.Session){"logout": destroy, "login": func(s *msm.Session) { _ = s.Renew() }}
	for list, known := range map[string]int{"the same nodes": 3, "two of three nodes": 2, "one of three nodes": 1} {
		for name, end := range ends {
			for _, late := range []int{0, 50, 99, 100, 150, 300} {
				t.Run(fmt.Sprint(name, " at an instance with ", list, ", ", late, " ms later"), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := newNetwork(t, 3)
						first := w.manager(msm.Config{Sticky: true, Backups: 1, Route: "a"})
						w.nodes = nodesUpTo(known)
						second := w.manager(msm.Config{Sticky: true, Backups: 1, Route: "b"})
						for range 6 { // with different primaries
							id := idOf(visit(first, "", addOne), "")
							time.Sleep(time.Duration(late) * time.Millisecond)
							if resp := visit(second, id, end); resp.StatusCode != http.StatusOK {
								t.Fatal(resp.StatusCode)
							}
							time.Sleep(time.Second)
							for _, m := range []*msm.Manager{first, second} {
								visit(m, id, func(s *msm.Session) {
									if !s.IsNew() {
										t.Errorf("the session of %s is back", nodeOf(id))
									}
								})
							}
						}
					})
				})
			}
		}
	}
}

// nodesUpTo returns a list of the first nodes of a network.
func nodesUpTo(n int) string {
	list := ""
	for i := range n {
		list += fmt.Sprintf(",n%d:n%d:11211", i+1, i+1)
	}
	return list[1:]
}
