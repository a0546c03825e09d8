package msm_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

func TestTooLargeIsToldApart(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{MaxSessionSize: 1000, ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
		if !errors.Is(err, msm.ErrTooLarge) {
			t.Error(err)
		}
	}})
	visit(m, "", func(s *msm.Session) { s.Set("a", strings.Repeat("x", 1000)) })
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
