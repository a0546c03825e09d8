package msm_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestStickySession runs its cases in both modes.
func TestStickySession(t *testing.T) {
	t.Parallel()
	for _, cases := range []map[string]func(t *testing.T, config msm.Config){stickySessions, stickyNodes} {
		for name, test := range cases {
			t.Run(name, func(t *testing.T) {
				for mode, config := range stickyConfigs {
					t.Run(mode, func(t *testing.T) {
						t.Parallel()
						test(t, config)
					})
				}
			})
		}
	}
}

// stickySessions are cases of one instance, and of what another one finds on the nodes.
var stickySessions = map[string]func(t *testing.T, config msm.Config){
	"the cookie is set once, and names this instance": func(t *testing.T, config msm.Config) {
		m := newManager(t, config)
		id := begin(t, m, func(s *msm.Session) { add(s) })
		if !strings.HasSuffix(id, ".a") {
			t.Errorf("id %s", id)
		}
		for range 3 {
			if w := visit(m, id, func(s *msm.Session) { add(s) }); len(sessionCookies(w)) > 0 {
				t.Error("a cookie is set again")
			}
		}
	},
	"a new id at login: the values go on, the old id is dead, here and elsewhere": func(t *testing.T, config msm.Config) {
		config.Nodes, _ = startServers(t, 2)
		m := newManager(t, config)
		old := begin(t, m, func(s *msm.Session) { add(s) })
		fresh := ""
		w := visit(m, old, func(s *msm.Session) {
			if err := s.Renew(); err != nil {
				t.Error(err)
			}
			add(s)
			fresh = s.ID()
		})
		if cookies := sessionCookies(w); len(cookies) != 1 || cookies[0].Value != fresh {
			t.Errorf("cookies %v; the id is %s", cookies, fresh)
		}
		config.Route = "b"
		other := newManager(t, config)
		for _, x := range []*msm.Manager{m, other} {
			visit(x, old, func(s *msm.Session) {
				if !s.IsNew() {
					t.Error("the old id lives")
				}
			})
			visit(x, fresh, func(s *msm.Session) {
				if count.Get(s) != 2 {
					t.Errorf("count %d", count.Get(s))
				}
			})
		}
	},
	"a logout is final, here and elsewhere": func(t *testing.T, config msm.Config) {
		config.Nodes, _ = startServers(t, 2)
		m := newManager(t, config)
		id := begin(t, m, func(s *msm.Session) { add(s) })
		if w := visit(m, id, func(s *msm.Session) { s.Destroy() }); len(sessionCookies(w)) != 1 || sessionCookies(w)[0].MaxAge >= 0 {
			t.Error("the cookie is not removed")
		}
		config.Route = "b"
		for _, x := range []*msm.Manager{m, newManager(t, config)} {
			visit(x, id, func(s *msm.Session) {
				if !s.IsNew() {
					t.Error("it lives")
				}
			})
		}
	},
	"after a logout a new session may begin in the same request": func(t *testing.T, config msm.Config) {
		m := newManager(t, config)
		id := begin(t, m, func(s *msm.Session) { add(s) })
		fresh := sessionCookies(visit(m, id, func(s *msm.Session) { s.Destroy(); add(s) }))[0].Value
		visit(m, fresh, func(s *msm.Session) {
			if fresh == id || count.Get(s) != 1 {
				t.Errorf("count %d", count.Get(s))
			}
		})
	},
	"50 parallel requests set 50 attributes": func(t *testing.T, config msm.Config) {
		m := newManager(t, config)
		id := begin(t, m, func(s *msm.Session) { add(s) })
		parallel(50, func(i int) { visit(m, id, func(s *msm.Session) { s.Set(fmt.Sprint("a", i), i) }) })
		visit(m, id, func(s *msm.Session) {
			if n := len(s.Keys()); n != 51 {
				t.Errorf("%d attributes", n)
			}
		})
	},
	"50 parallel Updates of a counter are 50": func(t *testing.T, config msm.Config) {
		config.Nodes, _ = startServers(t, 1)
		m := newManager(t, config)
		id := begin(t, m, func(s *msm.Session) { add(s) })
		parallel(50, func(int) { visit(m, id, func(s *msm.Session) { add(s) }) })
		written(t, m)
		config.Route = "b"
		for _, x := range []*msm.Manager{m, newManager(t, config)} {
			visit(x, id, func(s *msm.Session) {
				if n := count.Get(s); n != 51 {
					t.Errorf("count %d", n)
				}
			})
		}
	},
	"attributes that stay here are there, and nowhere else": func(t *testing.T, config msm.Config) {
		config.Nodes, _ = startServers(t, 1)
		config.MemoryOnly = regexp.MustCompile(`^local\.`)
		m := newManager(t, config)
		id := begin(t, m, func(s *msm.Session) { add(s); s.Set("local.x", 1) })
		visit(m, id, func(s *msm.Session) { add(s) })
		written(t, m)
		visit(m, id, func(s *msm.Session) {
			if !s.Has("local.x") || count.Get(s) != 2 {
				t.Errorf("%v", s.Keys())
			}
		})
		config.Route = "b"
		visit(newManager(t, config), id, func(s *msm.Session) {
			if s.Has("local.x") || count.Get(s) != 2 {
				t.Errorf("elsewhere: %v", s.Keys())
			}
		})
	},
	"a change that is too large is refused with 500, and nothing of it stays": func(t *testing.T, config msm.Config) {
		config.MaxSessionSize = 1000
		m := newManager(t, config)
		id := begin(t, m, func(s *msm.Session) { add(s) })
		w := visit(m, id, func(s *msm.Session) { add(s); s.Set("big", strings.Repeat("x", 2000)) })
		if w.StatusCode != http.StatusInternalServerError {
			t.Errorf("status %d", w.StatusCode)
		}
		visit(m, id, func(s *msm.Session) {
			if count.Get(s) != 1 || s.Has("big") {
				t.Errorf("%v", s.Keys())
			}
		})
	},
	"a stored session of an unknown transcoder is no reason to log anyone out": func(t *testing.T, config msm.Config) {
		config.Nodes, _ = startServers(t, 1)
		id := begin(t, newManager(t, msm.Config{Nodes: config.Nodes, Transcoder: foreign{}}), func(s *msm.Session) { s.Set("a", 1) })
		m := newManager(t, config)
		for range 2 {
			if w := visit(m, id, func(s *msm.Session) { count.Get(s) }); w.StatusCode != http.StatusInternalServerError || len(sessionCookies(w)) > 0 {
				t.Errorf("status %d", w.StatusCode)
			}
		}
	},
}

// foreign is a transcoder that no other program knows.
type foreign struct{}

func (foreign) Name() string                    { return "other" }
func (foreign) Marshal(any) ([]byte, error)     { return []byte("x"), nil }
func (foreign) Unmarshal(_ []byte, _ any) error { return nil }
