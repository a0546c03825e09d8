package msm_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestANodeThatNobodyUsed: G6. A node was out of the list, or out of reach, while all instances were started anew, so
// nobody remembers what it has missed. Its values are not believed any more.
func TestANodeThatNobodyUsed(t *testing.T) {
	login := func(s *msm.Session) { s.Set("user", "ann") }
	for mode, config := range map[string]msm.Config{"non-sticky": {}, "sticky": {Sticky: true, Backups: 1}} {
		for name, c := range map[string]struct {
			lacks    func(w *network, node string) // makes the node missing at the instance in which the visitor logs out
			returns  func(w *network, node string)
			together bool          // the last instance begins before the node is back
			gap      time.Duration // in which no instance runs
			atOnce   bool          // the visitor comes back before the next probe of the node
		}{
			"out of the list": {
				lacks:   func(w *network, node string) { w.nodes = without(w.nodes, node) },
				returns: func(*network, string) {},
			},
			"out of the list, and answers before those that it is compared with": {
				lacks: func(w *network, node string) { w.nodes = without(w.nodes, node) },
				returns: func(w *network, node string) {
					for id, s := range w.servers {
						if id != node {
							s.slow(20 * time.Millisecond)
						}
					}
				},
				atOnce: true,
			},
			"out of reach": {
				lacks:   func(w *network, node string) { w.servers[node].halt() },
				returns: func(w *network, node string) { w.servers[node].goOn() },
			},
			"out of reach, also when the last instance begins": {
				lacks:    func(w *network, node string) { w.servers[node].halt() },
				returns:  func(w *network, node string) { w.servers[node].goOn() },
				together: true,
			},
			"out of reach, and hours later the last instance begins, when all messages have ended": {
				lacks:    func(w *network, node string) { w.servers[node].halt() },
				returns:  func(w *network, node string) { w.servers[node].goOn() },
				together: true,
				gap:      2 * time.Hour,
			},
		} {
			t.Run(mode+", "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newNetwork(t, 3)
					all, config := w.nodes, config
					config.IdleTimeout = 24 * time.Hour
					first := w.manager(config)
					id := begin(t, first, login)
					node, _, _ := strings.Cut(nodeOf(id), ".")
					var others []string
					for len(others) < 3 {
						if other := begin(t, first, login); strings.HasPrefix(nodeOf(other), node) {
							others = append(others, other)
						}
					}
					time.Sleep(time.Minute)
					_ = first.Close(context.Background())

					c.lacks(w, node)
					second := w.manager(config)
					time.Sleep(5 * time.Minute)
					if resp := visit(second, id, func(s *msm.Session) { s.Destroy() }); resp.StatusCode != 200 {
						t.Fatalf("the logout: %d", resp.StatusCode)
					}
					for _, other := range others { // these messages replace that of the first logout, which is old by then
						time.Sleep(2 * time.Minute)
						visit(second, other, func(s *msm.Session) { s.Destroy() })
					}
					_ = second.Close(context.Background())
					time.Sleep(c.gap)

					w.nodes = all
					if !c.together {
						c.returns(w, node)
					}
					third := w.manager(config)
					if c.together {
						time.Sleep(10 * time.Second)
						c.returns(w, node)
					}
					if !c.atOnce {
						time.Sleep(5 * time.Second)
					}
					user := ""
					resp := visit(third, id, func(s *msm.Session) { user = msm.Get[string](s, "user") })
					if user != "" || resp.StatusCode != 200 {
						t.Errorf("%d, %q is logged in with an id that was logged out", resp.StatusCode, user)
					}
				})
			})
		}
	}
}

// without returns a list of nodes without one of them.
func without(list, id string) string {
	var rest []string
	for entry := range strings.SplitSeq(list, ",") {
		if !strings.HasPrefix(entry, id+":") {
			rest = append(rest, entry)
		}
	}
	return strings.Join(rest, ",")
}

// TestAllNodesWereOutOfUse checks that nothing is searched for or stored again, since no node has missed anything.
func TestAllNodesWereOutOfUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 3)
		first := w.manager(msm.Config{})
		var ids []string
		for range 8 {
			ids = append(ids, begin(t, first, func(s *msm.Session) { s.Set("user", "ann") }))
		}
		time.Sleep(time.Minute)
		_ = first.Close(context.Background())
		time.Sleep(10 * time.Minute)
		w.servers["n3"].halt()
		second := w.manager(msm.Config{})
		time.Sleep(5 * time.Second)
		w.servers["n3"].goOn()
		time.Sleep(time.Minute)
		for _, id := range ids {
			visit(second, id, func(s *msm.Session) {
				if msm.Get[string](s, "user") != "ann" {
					t.Error("the session is lost")
				}
			})
		}
		if stats := second.Stats(); stats.FullReads > 0 || stats.Heals > 0 {
			t.Errorf("%d full looks, %d repairs", stats.FullReads, stats.Heals)
		}
	})
}

// TestANodeThatIsListedAgain: G6. A node leaves the list while all instances are restarted, one after the other. It is
// listed again before others can tell by the marks of use that it was missing, and after the message of a logout has
// gone. Its values are not believed.
func TestANodeThatIsListedAgain(t *testing.T) {
	for mode, config := range map[string]msm.Config{"non-sticky": {}, "sticky": {Sticky: true, Backups: 1}} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 3)
				all := w.nodes
				first, second := w.manager(config), w.manager(config)
				login := func(s *msm.Session) { s.Set("user", "ann") }
				id, other := begin(t, first, login), begin(t, first, login)
				node, _, _ := strings.Cut(nodeOf(id), ".")
				for !strings.HasPrefix(nodeOf(other), node) {
					other = begin(t, first, login)
				}
				time.Sleep(time.Minute)

				w.nodes = without(all, node)
				_ = first.Close(context.Background())
				first = w.manager(config)
				time.Sleep(2 * time.Second)
				_ = second.Close(context.Background())
				w.manager(config)
				time.Sleep(2 * time.Second)
				visit(first, id, func(s *msm.Session) { s.Destroy() })
				time.Sleep(80 * time.Second)
				visit(first, other, func(s *msm.Session) { s.Destroy() }) // this message replaces that of the first logout
				time.Sleep(2 * time.Second)

				w.nodes = all
				_ = first.Close(context.Background())
				first = w.manager(config)
				for range 200 {
					user := ""
					visit(first, id, func(s *msm.Session) { user = msm.Get[string](s, "user") })
					if user != "" {
						t.Fatalf("%q is logged in with an id that was logged out", user)
					}
					time.Sleep(time.Second)
				}
			})
		})
	}
}
