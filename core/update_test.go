package msm_test

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// goroutine returns the name of the calling goroutine.
func goroutine() string {
	stack := make([]byte, 64)
	id, _, _ := bytes.Cut(stack[:runtime.Stack(stack, false)], []byte(" ["))
	return string(id)
}

// TestUpdateRunsInItsRequest checks that a function given to Update runs during its request and in its goroutine, or
// not at all, whatever another instance has stored and even if no node is available. No acknowledged update is lost by
// that.
func TestUpdateRunsInItsRequest(t *testing.T) {
	t.Parallel()
	sharedModes(t, func(t *testing.T, config msm.Config) {
		managers := twoInstances(t, config)
		id := begin(t, managers[0], func(s *msm.Session) { list.Set(s, nil) })
		if config.Sticky {
			written(t, managers[0]) // until then the other instance does not know the session
		}
		var visitors sync.WaitGroup
		for visitor := range 4 {
			visitors.Go(func() {
				for n := range 20 {
					appendInRequest(t, managers[(visitor+n/3)%2], id, fmt.Sprint(visitor, "/", n))
				}
			})
		}
		visitors.Wait()
		visit(anotherInstance(t, config), id, func(s *msm.Session) {
			got := list.Get(s)
			slices.Sort(got)
			if n := len(slices.Compact(got)); n != len(got) || n != 80 {
				t.Errorf("%d of 80 are in the list, %d differ", len(got), n)
			}
		})
	})
}

// appendInRequest appends an item, and checks that Update's function is called only during the request, in its
// goroutine.
func appendInRequest(t *testing.T, m *msm.Manager, id, item string) {
	var over atomic.Bool
	inside := goroutine()
	resp := visit(m, id, func(s *msm.Session) {
		list.Update(s, func(l []string) []string {
			if over.Load() {
				t.Errorf("the function of %s runs after its request", item)
			}
			if g := goroutine(); g != inside {
				t.Errorf("the function of %s runs in %s; its request in %s", item, g, inside)
			}
			return append(l, item)
		})
	})
	over.Store(true)
	if resp.StatusCode != 200 {
		t.Errorf("%s: %d", item, resp.StatusCode)
	}
}

// TestNothingIsKeptOfARequest checks that changes that wait for a node do not keep what the function given to Update
// refers to.
func TestNothingIsKeptOfARequest(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]msm.Config{"async": {}, "sync": {BackupSync: true}} {
		t.Run(name, func(t *testing.T) {
			nodes, servers := startServers(t, 1)
			config.Sticky, config.Nodes = true, nodes
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { add(s) })
			written(t, m)
			servers["n1"].Kill()
			waitFor(t, "the node's end", func() bool {
				return m.Stats().Nodes[0].State == msm.NodeDown || visit(m, id, func(s *msm.Session) { s.Set("a", 1) }) == nil
			})
			freed := make(chan struct{})
			func() {
				large := new([100_000]byte)
				runtime.AddCleanup(large, func(freed chan struct{}) { close(freed) }, freed)
				visit(m, id, func(s *msm.Session) { count.Update(s, func(n int) int { return n + 1 + int(large[0]) }) })
			}()
			waitFor(t, "what the function referred to", func() bool {
				runtime.GC()
				select {
				case <-freed:
					return true
				default:
					return false
				}
			})
			servers["n1"].Restart()
			waitFor(t, "the node", func() bool { return m.Stats().Nodes[0].State == msm.NodeUp })
			written(t, m)
			visit(newManager(t, config), id, func(s *msm.Session) {
				if n := count.Get(s); n != 2 {
					t.Errorf("stored is %d", n)
				}
			})
		})
	}
}

// TestAPanicOfUpdateIsItsRequests checks that the request fails, also if the panic comes on what another instance has
// stored, and that no lock is left.
func TestAPanicOfUpdateIsItsRequests(t *testing.T) {
	t.Parallel()
	sharedModes(t, func(t *testing.T, config msm.Config) {
		instances := twoInstances(t, config)
		one, two := instances[0], instances[1]
		id := begin(t, one, func(s *msm.Session) { list.Set(s, []string{"a", "b"}) })
		other := one
		if config.Locking == msm.LockNone {
			other = two // with locks no other request can come between
		}
		h := recovery(one.Middleware(handlerOf(func(s *msm.Session) {
			list.Update(s, func(l []string) []string {
				if len(l) > 0 && config.Locking != msm.LockNone {
					panic("as it is")
				}
				return l[1:]
			})
			if config.Locking == msm.LockNone {
				visit(other, id, func(s *msm.Session) { list.Set(s, nil) })
			}
		})))
		resp := exchange(h, "POST", "/", withCookie("SESSION="+id))
		if resp.StatusCode != http.StatusInternalServerError {
			t.Errorf("%d", resp.StatusCode)
		}
		for _, m := range instances {
			if resp := visit(m, id, func(s *msm.Session) { add(s) }); resp.StatusCode != 200 {
				t.Errorf("after it: %d", resp.StatusCode)
			}
		}
		visit(anotherInstance(t, config), id, func(s *msm.Session) {
			if n := count.Get(s); n != 2 {
				t.Errorf("count is %d", n)
			}
		})
	})
}
