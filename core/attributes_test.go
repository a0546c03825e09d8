package msm_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	msm "github.com/gomsm/msm/core"
)

func TestAttributes(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	name := msm.NewKey[string]("name")
	id := begin(t, m, func(s *msm.Session) {
		if !s.IsNew() || s.ID() != "" || len(s.Keys()) != 0 {
			t.Error("a session before anything was set")
		}
		name.Set(s, "ann")
		s.Set("b", 1)
		s.Set("a", 2)
		if !s.IsNew() || s.ID() == "" {
			t.Error("a session that begins")
		}
	})
	visit(m, id, func(s *msm.Session) {
		if s.IsNew() || s.ID() != id || !slices.Equal(s.Keys(), []string{"a", "b", "name"}) || !s.Has("a") || s.Has("c") {
			t.Errorf("%v %v", s.ID(), s.Keys())
		}
		if v, ok, err := name.Lookup(s); v != "ann" || !ok || err != nil {
			t.Errorf("%v %v %v", v, ok, err)
		}
		if v, ok, err := msm.Lookup[string](s, "none"); v != "" || ok || err != nil {
			t.Errorf("%v %v %v", v, ok, err)
		}
		s.Delete("a")
		s.Delete("none")
		if name.Pop(s) != "ann" || s.Has("name") {
			t.Error("Pop")
		}
	})
	visit(m, id, func(s *msm.Session) {
		if !slices.Equal(s.Keys(), []string{"b"}) {
			t.Errorf("%v", s.Keys())
		}
		s.Clear()
		s.Set("c", 3)
	})
	visit(m, id, func(s *msm.Session) {
		if !slices.Equal(s.Keys(), []string{"c"}) {
			t.Errorf("%v", s.Keys())
		}
	})
}

// TestKeysAreTheAppsOwn checks that Keys names nothing that the app has not set.
func TestKeysAreTheAppsOwn(t *testing.T) {
	t.Parallel()
	for mode, config := range map[string]msm.Config{"not sticky": {}, "sticky": {Sticky: true}} {
		t.Run(mode, func(t *testing.T) {
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) {
				s.AddFlash("saved")
				if got := s.Keys(); len(got) != 0 {
					t.Errorf("with a message and nothing else: %q", got)
				}
				s.Set("b", 1)
				s.Set("a", 1)
			})
			visit(m, id, func(s *msm.Session) {
				if got := s.Keys(); !slices.Equal(got, []string{"a", "b"}) {
					t.Errorf("%q", got)
				}
				if got := s.Flashes(); !slices.Equal(got, []string{"saved"}) {
					t.Errorf("the message is %q", got)
				}
			})
		})
	}
}

// TestAsManyAttributesAsMayBe: T-10. What a reader has to allocate for a session's attributes is bounded, and a program that wants
// more gets an error that says so.
func TestAsManyAttributesAsMayBe(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	id := begin(t, m, func(s *msm.Session) { s.Set("00000", 0) })
	for first := 1; first < 10_000; first += 1000 {
		visit(m, id, func(s *msm.Session) {
			for i := first; i < min(first+1000, 10_000); i++ {
				s.Set(fmt.Sprintf("%05d", i), i)
			}
		})
	}
	for name, c := range map[string]struct {
		set  func(s *msm.Session)
		want int
	}{
		"another value for one":    {func(s *msm.Session) { s.Set("09999", "other") }, http.StatusOK},
		"one for another":          {func(s *msm.Session) { s.Delete("00000"); s.Set("other", 0) }, http.StatusOK},
		"one more":                 {func(s *msm.Session) { s.Set("more", 0) }, http.StatusInternalServerError},
		"one more, by an update":   {func(s *msm.Session) { msm.Update(s, "more", func(n int) int { return n }) }, http.StatusInternalServerError},
		"one more, as flash texts": {func(s *msm.Session) { s.AddFlash("more") }, http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			if got := visit(m, id, c.set).StatusCode; got != c.want {
				t.Errorf("status %d, want %d", got, c.want)
			}
			visit(m, id, func(s *msm.Session) {
				if n := len(s.Keys()); n != 10_000 || s.Err() != nil {
					t.Errorf("%d attributes; %v", n, s.Err())
				}
			})
		})
	}
}
