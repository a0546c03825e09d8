package msm_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// opened is what can be done with a session that a visitor has begun with a count of 1, and the count after that; 0:
// the session is gone.
var opened = map[string]struct {
	do   func(t *testing.T, m *msm.Manager, s *msm.Session, id string)
	want int
}{
	"it is read": {func(t *testing.T, _ *msm.Manager, s *msm.Session, id string) {
		n, there, err := count.Lookup(s)
		if n != 1 || !there || err != nil || s.ID() != id || s.IsNew() || s.ByHeader() {
			t.Errorf("%d, %v, %v, id %q, new %v", n, there, err, s.ID(), s.IsNew())
		}
	}, 1},
	"what it changes is not stored without Commit": {func(t *testing.T, m *msm.Manager, s *msm.Session, id string) {
		if add(s) != 2 || count.Get(s) != 2 {
			t.Error("it does not see its own change")
		}
		counts(t, m, id, 1)
	}, 1},
	"Commit stores, again and again": {func(t *testing.T, m *msm.Manager, s *msm.Session, id string) {
		for n := range 3 {
			add(s)
			commit(t, s)
			counts(t, m, id, n+2)
		}
		commit(t, s)
	}, 4},
	"what a visitor changes meanwhile is merged": {func(t *testing.T, m *msm.Manager, s *msm.Session, id string) {
		add(s)
		s.Set("job", "done")
		visit(m, id, func(s *msm.Session) { add(s); s.Set("page", "seen") })
		commit(t, s)
		visit(m, id, func(s *msm.Session) {
			if !s.Has("job") || !s.Has("page") {
				t.Error(s.Keys())
			}
		})
	}, 3},
	"Reload sees what a visitor has stored, with its own changes": {func(t *testing.T, m *msm.Manager, s *msm.Session, id string) {
		add(s)
		visit(m, id, func(s *msm.Session) { add(s) })
		if count.Get(s) != 2 {
			t.Error("it reads what it has not loaded")
		}
		if err := s.Reload(t.Context()); err != nil || count.Get(s) != 3 {
			t.Errorf("%v, count %d; want 3", err, count.Get(s))
		}
		counts(t, m, id, 2)
		commit(t, s)
	}, 3},
	"Pop has one of two get it": {func(t *testing.T, m *msm.Manager, s *msm.Session, id string) {
		visit(m, id, func(s *msm.Session) { s.AddFlash("hello") })
		other := open(t, m, id)
		if err := s.Reload(t.Context()); err != nil {
			t.Error(err)
		}
		if n := len(s.Flashes()) + len(other.Flashes()); n != 1 {
			t.Errorf("%d of them got it", n)
		}
	}, 1},
	"Destroy": {func(t *testing.T, m *msm.Manager, s *msm.Session, id string) {
		other := open(t, m, id)
		add(other)
		s.Destroy()
		counts(t, m, id, 1) // it is not stored yet
		commit(t, s)
		for name, err := range map[string]error{
			"Commit of another": other.Commit(t.Context()), "Reload of another": other.Reload(t.Context()),
			"Commit": s.Commit(t.Context()), "Reload": s.Reload(t.Context()),
		} {
			if !errors.Is(err, msm.ErrGone) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s.Has("count") || s.ID() != "" {
			t.Error("something is left")
		}
		if add(s); !errors.Is(s.Err(), msm.ErrGone) || !errors.Is(s.Commit(t.Context()), msm.ErrGone) {
			t.Errorf("a change: %v", s.Err())
		}
		if _, err := m.Open(t.Context(), id); !errors.Is(err, msm.ErrGone) {
			t.Errorf("Open: %v", err)
		}
	}, 0},
	"Renew and Persist have no client": {func(t *testing.T, _ *msm.Manager, s *msm.Session, _ string) {
		if err := s.Renew(); !errors.Is(err, msm.ErrCommitted) || !strings.Contains(err.Error(), "Manager.Open") {
			t.Error(err)
		}
		s.Persist(time.Hour)
		if err := s.Commit(t.Context()); !errors.Is(err, msm.ErrCommitted) {
			t.Error(err)
		}
	}, 1},
	"the visitor has got another id": {func(t *testing.T, m *msm.Manager, s *msm.Session, id string) {
		visit(m, id, func(s *msm.Session) {
			if err := s.Renew(); err != nil {
				t.Error(err)
			}
		})
		add(s)
		if err := s.Commit(t.Context()); !errors.Is(err, msm.ErrGone) {
			t.Errorf("Commit: %v", err)
		}
	}, 0},
	"a value that cannot be encoded": {func(t *testing.T, _ *msm.Manager, s *msm.Session, _ string) {
		add(s)
		s.Set("f", func() {})
		for range 2 {
			if wrong := (*msm.AttributeError)(nil); !errors.As(s.Commit(t.Context()), &wrong) || wrong.Name != "f" {
				t.Errorf("%v", s.Err())
			}
		}
	}, 1},
	"what is too large": {func(t *testing.T, _ *msm.Manager, s *msm.Session, _ string) {
		add(s)
		s.Set("big", make([]byte, 300<<10))
		if err := s.Commit(t.Context()); !errors.Is(err, msm.ErrTooLarge) {
			t.Error(err)
		}
		s.Delete("big") // Commit's error is not kept
		commit(t, s)
	}, 2},
	"a context that has ended": {func(t *testing.T, m *msm.Manager, s *msm.Session, id string) {
		over, cancel := context.WithCancel(t.Context())
		cancel()
		add(s)
		_, err := m.Open(over, id)
		for name, err := range map[string]error{"Open": err, "Commit": s.Commit(over), "Reload": s.Reload(over)} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}, 1},
	"several goroutines": {func(t *testing.T, m *msm.Manager, s *msm.Session, id string) {
		other := open(t, m, id)
		parallel(8, func(i int) {
			for _, s := range []*msm.Session{s, other} {
				add(s)
				if err := s.Commit(t.Context()); err != nil {
					t.Error(err)
				}
				if i%2 == 0 {
					if err := s.Reload(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}, 17},
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for mode, config := range kinds {
		for name, c := range opened {
			t.Run(mode+", "+name, func(t *testing.T) {
				m, log := logging(t, config)
				id := begin(t, m, func(s *msm.Session) { add(s) })
				c.do(t, m, open(t, m, id), id)
				visit(m, id, func(s *msm.Session) {
					if n := count.Get(s); n != c.want || s.IsNew() != (c.want == 0) {
						t.Errorf("count %d, new %v; want %d", n, s.IsNew(), c.want)
					}
				})
				if log.text.Len() > 0 {
					t.Error(log.text.String())
				}
			})
		}
	}
}

// TestOpenWhatIsNone checks that the errors tell an id that is none from a session that is gone, and do not contain the
// id.
func TestOpenWhatIsNone(t *testing.T) {
	t.Parallel()
	key, other := []byte(strings.Repeat("k", 32)), []byte(strings.Repeat("o", 32))
	for mode, config := range kinds {
		config.SigningKeys = [][]byte{key}
		m := newManager(t, config)
		id := begin(t, m, func(s *msm.Session) { add(s) })
		ended := begin(t, m, func(s *msm.Session) { add(s) })
		visit(m, ended, func(s *msm.Session) { s.Destroy() })
		config.SigningKeys = [][]byte{other}
		foreign := begin(t, newManager(t, config), func(s *msm.Session) { add(s) })
		config.SigningKeys = [][]byte{key}
		elsewhere := begin(t, newManager(t, config), func(s *msm.Session) { add(s) })
		closed := newManager(t, config)
		if err := closed.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			at   *msm.Manager
			id   string
			want error
		}{
			"empty":                      {m, "", msm.ErrInvalidID},
			"garbage":                    {m, "x y\x00", msm.ErrInvalidID},
			"cut short":                  {m, id[:10], msm.ErrInvalidID},
			"signed with another key":    {m, foreign, msm.ErrInvalidID},
			"a session that was ended":   {m, ended, msm.ErrGone},
			"a session that never was":   {m, elsewhere, msm.ErrGone},
			"the manager was closed":     {closed, id, msm.ErrClosed},
			"closed, and no id of a one": {closed, "", msm.ErrClosed},
		} {
			t.Run(mode+", "+name, func(t *testing.T) {
				s, err := c.at.Open(t.Context(), c.id)
				if s != nil || !errors.Is(err, c.want) || c.id != "" && strings.Contains(err.Error(), c.id) {
					t.Errorf("%v, %v; want %v", s, err, c.want)
				}
			})
		}
	}
}

// TestWhatAClosedManagerOpened checks that such a session returns ErrClosed.
func TestWhatAClosedManagerOpened(t *testing.T) {
	t.Parallel()
	for mode, config := range kinds {
		t.Run(mode, func(t *testing.T) {
			m := newManager(t, config)
			s := open(t, m, begin(t, m, func(s *msm.Session) { add(s) }))
			if err := m.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			add(s)
			if err := s.Commit(t.Context()); !errors.Is(err, msm.ErrClosed) {
				t.Errorf("Commit: %v", err)
			}
			if err := s.Reload(t.Context()); !errors.Is(err, msm.ErrClosed) {
				t.Errorf("Reload: %v", err)
			}
		})
	}
}

// TestOpenKeepsNobodyLoggedIn checks that a session whose visitor has gone ends in time, whoever reads it, and that
// Commit keeps it alive.
func TestOpenKeepsNobodyLoggedIn(t *testing.T) {
	t.Parallel()
	for mode, config := range kinds {
		for name, c := range map[string]struct {
			use   func(t *testing.T, m *msm.Manager, s *msm.Session)
			alive bool
		}{
			"reads":   {func(_ *testing.T, _ *msm.Manager, s *msm.Session) { count.Get(s) }, false},
			"Open":    {func(t *testing.T, m *msm.Manager, s *msm.Session) { _, _ = m.Open(t.Context(), s.ID()) }, false},
			"Reload":  {func(t *testing.T, _ *msm.Manager, s *msm.Session) { _ = s.Reload(t.Context()) }, false},
			"Commit":  {func(t *testing.T, _ *msm.Manager, s *msm.Session) { commit(t, s) }, true},
			"changes": {func(t *testing.T, _ *msm.Manager, s *msm.Session) { add(s); commit(t, s) }, true},
		} {
			t.Run(mode+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					config.IdleTimeout = 10 * time.Minute
					m := newManager(t, config)
					id := begin(t, m, func(s *msm.Session) { add(s) })
					s := open(t, m, id)
					for range 20 {
						time.Sleep(time.Minute)
						c.use(t, m, s)
					}
					visit(m, id, func(s *msm.Session) {
						if s.IsNew() == c.alive {
							t.Errorf("alive %v; want %v", !s.IsNew(), c.alive)
						}
					})
				})
			})
		}
	}
}
