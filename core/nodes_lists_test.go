package msm_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// lists is three real nodes, and the two lists of them in a deploy that adds or removes the third.
type lists struct {
	t        *testing.T
	servers  map[string]*msmtest.Server
	two, all string
}

func startLists(t *testing.T) *lists {
	all, servers := startServers(t, 3)
	return &lists{t, servers, strings.Join(strings.Split(all, ",")[:2], ","), all}
}

// on begins a session whose primary is the node, and returns its id.
func (l *lists) on(node string, m *msm.Manager) (id string) {
	l.t.Helper()
	for range 300 {
		id = idOf(visit(m, "", addOne), "")
		if at, _, _ := strings.Cut(nodeOf(id), "."); at == node {
			return id
		}
	}
	l.t.Fatal("no session on ", node)
	return ""
}

// finds reports whether the instance finds the session.
func (l *lists) finds(m *msm.Manager, id string) (found bool) {
	l.t.Helper()
	if resp := visit(m, id, func(s *msm.Session) { found = !s.IsNew() }); resp.StatusCode != http.StatusOK {
		l.t.Errorf("status %d", resp.StatusCode)
	}
	return found
}

// TestALogoutWhileANodeIsAdded: G6, F-26. The session is on a node that only one of two instances knows. After a logout
// through the other instance neither accepts its cookie. TestALogoutOfAnotherList shows in fake time that this is so
// when the logout is answered, unless an instance's probes are late.
func TestALogoutWhileANodeIsAdded(t *testing.T) {
	t.Parallel()
	for mode, config := range storing {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			l := startLists(t)
			config.Nodes, config.Route = l.two, "old"
			older := newManager(t, config)
			config.Nodes, config.Route = l.all, "new"
			newer := newManager(t, config)
			for range 5 {
				id := l.on("n3", newer)
				if resp := visit(older, id, destroy); resp.StatusCode != http.StatusOK {
					t.Fatal(resp.StatusCode)
				}
				for name, m := range map[string]*msm.Manager{"the new list": newer, "the old list": older} {
					waitFor(t, "the instance with "+name+" to refuse it", func() bool { return !l.finds(m, id) })
				}
			}
		})
	}
}

// TestANodeIsRemovedAndAddedAgain: G6, G10. The node has been running all the time, and has old copies.
func TestANodeIsRemovedAndAddedAgain(t *testing.T) {
	t.Parallel()
	l := startLists(t)
	m := newManager(t, msm.Config{Nodes: l.all})
	dead, counted := l.on("n3", m), l.on("n3", m)
	if err := m.SetNodes(l.two, ""); err != nil {
		t.Fatal(err)
	}
	visit(m, dead, destroy)
	newest := counted
	for range 5 {
		newest = idOf(visit(m, newest, addOne), newest)
	}
	if err := m.SetNodes(l.all, ""); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "n3 to be used", func() bool { return m.Stats().Nodes[2].State == msm.NodeUp })
	if l.finds(m, dead) {
		t.Error("the session that was logged out is back")
	}
	for _, id := range []string{counted, newest} {
		visit(m, id, func(s *msm.Session) {
			if n := count.Get(s); n != 6 {
				t.Errorf("by the cookie of %s: %d; 6 were counted", nodeOf(id), n)
			}
		})
	}
}

// TestANodeGetsAnotherName: G10. Its sessions are found, even if it had no name before.
func TestANodeGetsAnotherName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, to func(l *lists) string }{
		"another one":                         {func(l *lists) string { return l.two }, func(l *lists) string { return strings.Replace(l.two, "n1:", "x1:", 1) }},
		"its first one":                       {func(l *lists) string { return l.servers["n1"].Addr() }, func(l *lists) string { return "n1:" + l.servers["n1"].Addr() }},
		"its first one, beside a second node": {func(l *lists) string { return l.servers["n1"].Addr() }, func(l *lists) string { return l.two }},
	} {
		for _, backups := range []int{1, msm.NoBackup} {
			t.Run(fmt.Sprint(name, ", backups ", backups), func(t *testing.T) {
				t.Parallel()
				l := startLists(t)
				m := newManager(t, msm.Config{Nodes: c.from(l), Backups: backups})
				var ids []string
				for range 20 {
					ids = append(ids, idOf(visit(m, "", addOne), ""))
				}
				if err := m.SetNodes(c.to(l), ""); err != nil {
					t.Fatal(err)
				}
				for _, id := range ids {
					if !l.finds(m, id) {
						t.Errorf("%s is lost", id)
					}
				}
			})
		}
	}
}

// TestAnOldCookieOfARemovedNode: G8. The cookie's session ended long ago, and one node of the list is down.
func TestAnOldCookieOfARemovedNode(t *testing.T) {
	t.Parallel()
	l := startLists(t)
	m := newManager(t, msm.Config{Nodes: l.all})
	id := l.on("n3", m)
	visit(m, id, destroy)
	if err := m.SetNodes(l.two, ""); err != nil {
		t.Fatal(err)
	}
	l.servers["n1"].Kill()
	waitFor(t, "n1 to be down", func() bool { return m.Stats().Nodes[0].State == msm.NodeDown })
	if l.finds(m, id) {
		t.Error("it is found")
	}
	if l.finds(m, "aaaaaaaaaaaaaaaaaaaaaaaaaa-n3") {
		t.Error("one that never was is found")
	}
}

// TestModesSideBySide: G6, G10. While MSM_STICKY is being changed, what an instance of the other mode does to a session holds
// for the one that has it in memory.
func TestModesSideBySide(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(s *msm.Session)
		want int // counts; 0: it has ended
	}{
		"a change": {addOne, 2},
		"a logout": {destroy, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLists(t)
			plain := newManager(t, msm.Config{Nodes: l.two})
			sticky := newManager(t, msm.Config{Nodes: l.two, Sticky: true, Route: "b", Backups: 1, BackupSync: true})
			id := idOf(visit(sticky, "", addOne), "")
			id = idOf(visit(plain, id, c.do), id)
			waitFor(t, "the sticky instance to hear of it", func() bool {
				n := 0
				visit(sticky, id, func(s *msm.Session) { n = count.Get(s) })
				return n == c.want
			})
		})
	}
}
