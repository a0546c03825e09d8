package msm_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/transcoder"
)

type profile struct {
	Name string
	Tags []string
	Seen time.Time
}

func TestValuesAreValues(t *testing.T) {
	t.Parallel()
	key := msm.NewKey[profile]("profile")
	m := newManager(t, msm.Config{})
	p := profile{"ann", []string{"a", "b"}, time.Unix(1, 5).UTC()}
	id := begin(t, m, func(s *msm.Session) {
		key.Set(s, p)
		p.Tags[0] = "changed after Set"
		if got := key.Get(s); got.Tags[0] != "a" {
			t.Errorf("%v", got)
		}
	})
	visit(m, id, func(s *msm.Session) {
		got := key.Get(s)
		if got.Name != "ann" || !slices.Equal(got.Tags, []string{"a", "b"}) || !got.Seen.Equal(p.Seen) {
			t.Errorf("%+v", got)
		}
		got.Tags[0] = "changed after Get"
		if key.Get(s).Tags[0] != "a" {
			t.Error("what was read and changed in place is seen by the next read")
		}
	})
}

// TestBadValues checks that a value that cannot be stored is one clear error that names it, and that what is stored
// stays as it was.
func TestBadValues(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  func(*msm.Session)
		want string
	}{
		"cannot be encoded":      {func(s *msm.Session) { s.Set("f", func() {}) }, `attribute "f" as func()`},
		"too large":              {func(s *msm.Session) { s.Set("a", strings.Repeat("x", 300<<10)) }, "session too large"},
		"a name that is empty":   {func(s *msm.Session) { s.Set("", 1) }, "name"},
		"a name of 70,000 bytes": {func(s *msm.Session) { s.Set(strings.Repeat("n", 70_000), 1) }, "name"},
		"an update of another type": {func(s *msm.Session) {
			msm.Update(s, "a", func(n int) int { return n + 1 })
		}, `attribute "a" as int`},
		"an idle timeout of nothing": {func(s *msm.Session) { s.SetIdleTimeout(0) }, "SetIdleTimeout"},
	} {
		for _, transcoder := range []transcoder.Transcoder{transcoder.CBOR(), transcoder.JSON(), transcoder.Gob()} {
			t.Run(name+", "+transcoder.Name(), func(t *testing.T) {
				var got error
				m := newManager(t, msm.Config{Transcoder: transcoder, ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
					got = err
					w.WriteHeader(503)
				}})
				id := begin(t, m, func(s *msm.Session) { s.Set("a", "old") })
				resp := visit(m, id, func(s *msm.Session) {
					s.Set("b", 1)
					c.set(s)
				})
				if resp.StatusCode != 503 || got == nil || !strings.Contains(got.Error(), c.want) {
					t.Errorf("%d, %v; want an error with %q", resp.StatusCode, got, c.want)
				}
				visit(m, id, func(s *msm.Session) {
					if msm.Get[string](s, "a") != "old" || len(s.Keys()) != 1 {
						t.Errorf("what was stored is not intact: %v", s.Keys())
					}
				})
			})
		}
	}
}

func TestAWrongTypeOnReadIsKept(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	id := begin(t, m, func(s *msm.Session) { s.Set("a", "text") })
	visit(m, id, func(s *msm.Session) {
		var wrong *msm.AttributeError
		if v, ok, err := msm.Lookup[int](s, "a"); v != 0 || !ok || !errors.As(err, &wrong) || wrong.Name != "a" || wrong.Type != "int" {
			t.Errorf("%v %v %v", v, ok, err)
		}
		if msm.Get[int](s, "a") != 0 || s.Err() != nil {
			t.Error("Get of a wrong type")
		}
		s.Set("b", 1)
	})
	visit(m, id, func(s *msm.Session) {
		if msm.Get[string](s, "a") != "text" {
			t.Error("the value was not kept")
		}
	})
}
