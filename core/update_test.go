package msm_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

var list = msm.NewKey[[]string]("list")

// sharedModes runs a test in every mode in which several instances serve a session, on two nodes.
func sharedModes(t *testing.T, test func(t *testing.T, config msm.Config)) {
	everyMode(t, func(t *testing.T, config msm.Config) {
		if config.Nodes != "" {
			test(t, config)
		}
	})
}

func twoInstances(t *testing.T, config msm.Config) (list []*msm.Manager) {
	for _, route := range []string{"one", "two"} {
		if config.Sticky {
			config.Route = route
		}
		list = append(list, newManager(t, config))
	}
	return list
}

// anotherInstance makes an instance that sees what is stored.
func anotherInstance(t *testing.T, config msm.Config) *msm.Manager {
	if config.Sticky {
		config.Route = "another"
	}
	return newManager(t, config)
}

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
		resp := recovered(one, id, func(s *msm.Session) {
			list.Update(s, func(l []string) []string {
				if len(l) > 0 && config.Locking != msm.LockNone {
					panic("as it is")
				}
				return l[1:]
			})
			if config.Locking == msm.LockNone {
				visit(other, id, func(s *msm.Session) { list.Set(s, nil) })
			}
		})
		if resp.Code != http.StatusInternalServerError {
			t.Errorf("%d", resp.Code)
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

// recovered is a request whose panic is answered with 500.
func recovered(m *msm.Manager, id string, f func(*msm.Session)) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), requestWith("POST", id)
	func() {
		defer func() {
			if recover() != nil {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}()
		m.Middleware(handlerOf(f)).ServeHTTP(w, r)
	}()
	return w
}

// TestSessionCallsInUpdatePanic checks that they panic with a clear text instead of waiting for themselves, also when
// the function is called again for what another request has stored, and that no lock is left.
func TestSessionCallsInUpdatePanic(t *testing.T) {
	t.Parallel()
	calls := map[string]func(m *msm.Manager, w http.ResponseWriter, r *http.Request, s *msm.Session){
		"a read":    func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { msm.Get[int](s, "other") },
		"a write":   func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { s.Set("other", 1) },
		"an update": func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { add(s) },
		"a pop":     func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { s.Flashes() },
		"a flash":   func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { s.AddFlash("x") },
		"the id":    func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { s.ID() },
		"a renewal": func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { _ = s.Renew() },
		"an end":    func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { s.Destroy() },
		"a lock":    func(_ *msm.Manager, _ http.ResponseWriter, r *http.Request, s *msm.Session) { _ = s.Lock(r.Context()) },
		"an error":  func(_ *msm.Manager, _ http.ResponseWriter, _ *http.Request, s *msm.Session) { _ = s.Err() },
		"the answer": func(_ *msm.Manager, w http.ResponseWriter, _ *http.Request, _ *msm.Session) {
			_, _ = fmt.Fprint(w, "x")
		},
		"the answer's end": func(_ *msm.Manager, w http.ResponseWriter, _ *http.Request, _ *msm.Session) { w.WriteHeader(204) },
		"another handler": func(m *msm.Manager, w http.ResponseWriter, r *http.Request, _ *msm.Session) {
			counting(m).ServeHTTP(w, r)
		},
	}
	sharedModes(t, func(t *testing.T, config msm.Config) {
		instances := twoInstances(t, config)
		one, two := instances[0], instances[1]
		for name, call := range calls {
			for _, again := range []bool{false, true} {
				if again && config.Locking != msm.LockNone {
					continue // no other request comes between
				}
				t.Run(fmt.Sprint(name, ", again ", again), func(t *testing.T) {
					id := begin(t, one, func(s *msm.Session) { list.Set(s, nil) })
					text := panicOf(one, id, func(w http.ResponseWriter, r *http.Request) {
						n, s := 0, msm.From(r.Context())
						list.Update(s, func(l []string) []string {
							if n++; n > 1 || !again {
								call(one, w, r, s)
							}
							return append(l, "x")
						})
						visit(two, id, func(s *msm.Session) { list.Set(s, []string{"y"}) })
					})
					if !strings.Contains(text, "function given to Update") {
						t.Errorf("panic %q", text)
					}
					if resp := visit(one, id, func(s *msm.Session) { add(s) }); resp.StatusCode != 200 {
						t.Errorf("after it: %d", resp.StatusCode)
					}
				})
			}
		}
	})
}

func panicOf(m *msm.Manager, id string, f http.HandlerFunc) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	exchange(m.Middleware(f), "POST", "/", withCookie("SESSION="+id))
	return ""
}

// TestOtherGoroutinesWaitForUpdate checks that other goroutines of the same request wait, and do not panic.
func TestOtherGoroutinesWaitForUpdate(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	visit(m, "", func(s *msm.Session) {
		var others sync.WaitGroup
		count.Update(s, func(n int) int {
			for range 8 {
				others.Go(func() { s.Set("other", count.Get(s)) })
			}
			for range 1000 {
				runtime.Gosched()
			}
			return n + 1
		})
		others.Wait()
		if got := msm.Get[int](s, "other"); got != 1 {
			t.Errorf("they saw %d", got)
		}
	})
}

// TestAFailedCommitLeavesMemoryAsItWas checks that a session that got too large for its node does not keep later,
// smaller changes from being stored.
func TestAFailedCommitLeavesMemoryAsItWas(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 20_000)
	for name, c := range map[string]struct {
		sync   bool
		change func(s *msm.Session)
	}{
		"synchronous":                        {true, func(s *msm.Session) { s.Set("b", large) }},
		"a function, synchronous":            {true, func(s *msm.Session) { msm.Update(s, "b", func(string) string { return large }) }},
		"a function, behind the answer else": {false, func(s *msm.Session) { msm.Update(s, "b", func(string) string { return large }) }},
	} {
		t.Run(name, func(t *testing.T) {
			node := startSmallNode(t)
			config := msm.Config{Nodes: node.Addr(), Sticky: true, BackupSync: c.sync}
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { s.Set("a", "old") })
			written(t, m)
			after := httptest.NewRecorder()
			m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s := msm.From(r.Context())
				c.change(s)
				_, _ = fmt.Fprint(w, "x")
				for i := range 100 {
					s.Set("a", fmt.Sprint("never stored ", i))
				}
			})).ServeHTTP(after, requestWith("POST", id))
			if after.Code < 400 {
				t.Errorf("the large one: %d", after.Code)
			}
			if resp := visit(m, id, func(s *msm.Session) { s.Set("c", 1) }); resp.StatusCode != 200 {
				t.Errorf("a small one after it: %d", resp.StatusCode)
			}
			written(t, m)
			for where, m := range map[string]*msm.Manager{"here": m, "stored": newManager(t, config)} {
				visit(m, id, func(s *msm.Session) {
					if got := fmt.Sprint(s.Keys(), msm.Get[string](s, "a")); got != "[a c]old" {
						t.Errorf("%s: %s", where, got)
					}
				})
			}
		})
	}
}

// TestWhatNoNodeTakesIsGivenUp has a change that turns out to be too large after its response. It is dropped, so that
// later changes can be stored.
func TestWhatNoNodeTakesIsGivenUp(t *testing.T) {
	t.Parallel()
	node := startSmallNode(t)
	config := msm.Config{Nodes: node.Addr(), Sticky: true}
	m := newManager(t, config)
	id := begin(t, m, func(s *msm.Session) { s.Set("a", "old") })
	written(t, m)
	visit(m, id, func(s *msm.Session) { s.Set("b", "small") })
	visit(m, id, func(s *msm.Session) { s.Set("c", strings.Repeat("x", 20_000)) })
	visit(m, id, func(s *msm.Session) { s.Set("d", "small") })
	written(t, m)
	for where, m := range map[string]*msm.Manager{"here": m, "stored": newManager(t, config)} {
		visit(m, id, func(s *msm.Session) {
			if got := fmt.Sprint(s.Keys()); got != "[a b d]" {
				t.Errorf("%s: %s", where, got)
			}
		})
	}
	if n := m.Stats().Local.Shed; n != 1 {
		t.Errorf("%d changes were given up", n)
	}
}

// TestAnUpdateIsStoredBesideWhatNoNodeTakes checks that the other request's change is dropped, and not the update.
func TestAnUpdateIsStoredBesideWhatNoNodeTakes(t *testing.T) {
	t.Parallel()
	node := startSmallNode(t)
	config := msm.Config{Nodes: node.Addr(), Sticky: true}
	m := newManager(t, config)
	id := begin(t, m, func(s *msm.Session) { s.Set("a", "old") })
	written(t, m)
	visit(m, id, func(s *msm.Session) { s.Set("c", strings.Repeat("x", 20_000)) })
	if resp := visit(m, id, func(s *msm.Session) { add(s) }); resp.StatusCode != 200 {
		t.Errorf("%d", resp.StatusCode)
	}
	if resp := visit(m, id, func(s *msm.Session) {
		msm.Update(s, "c", func(string) string { return strings.Repeat("x", 20_000) })
	}); resp.StatusCode != 500 {
		t.Errorf("an update that is too large itself: %d", resp.StatusCode)
	}
	visit(newManager(t, config), id, func(s *msm.Session) {
		if got := fmt.Sprint(s.Keys()); got != "[a count]" {
			t.Errorf("stored: %s", got)
		}
	})
}

// TestANewSessionThatIsTooLargeIsNone checks that no session is left of it.
func TestANewSessionThatIsTooLargeIsNone(t *testing.T) {
	t.Parallel()
	node := startSmallNode(t)
	m := newManager(t, msm.Config{Nodes: node.Addr(), Sticky: true, BackupSync: true})
	if resp := visit(m, "", func(s *msm.Session) { s.Set("b", strings.Repeat("x", 20_000)) }); resp.StatusCode < 400 {
		t.Errorf("%d", resp.StatusCode)
	}
	if l := m.Stats().Local; l.Sessions != 0 || l.PendingChanges != 0 || l.Bytes != 0 {
		t.Errorf("%+v", l)
	}
}

// startSmallNode starts a node that takes no session of 16 KiB.
func startSmallNode(t *testing.T) *msmtest.Server {
	t.Helper()
	return msmtest.StartServer(t, "-I", "16k", "-m", "64", "-o", "slab_chunk_max=16384")
}

func requestWith(method, id string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	r.Header.Set("Cookie", "SESSION="+id)
	return r
}
