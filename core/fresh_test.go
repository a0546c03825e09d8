package msm_test

import (
	"errors"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestRequireFresh: SR-15. A login is fresh for as long as the handler says, at every instance, whatever else the session is used
// for; another Renew makes it fresh again, and a session without a login never is.
func TestRequireFresh(t *testing.T) {
	t.Parallel()
	fakeModes(t, func(t *testing.T, another func(msm.Config) *msm.Manager) {
		one, two := another(msm.Config{Route: "one"}), another(msm.Config{Route: "two"})
		time.Sleep(time.Second)
		ask := func(m *msm.Manager, id string) (at time.Time, err error) {
			visit(m, id, func(s *msm.Session) { at, err = s.AuthenticatedAt(), s.RequireFresh(5*time.Minute) })
			time.Sleep(time.Second)
			return at, err
		}
		id := begin(t, one, addOne)
		for _, m := range []*msm.Manager{one, two} {
			if at, err := ask(m, id); !at.IsZero() || !errors.Is(err, msm.ErrNotFresh) {
				t.Errorf("without a login: %v, %v", at, err)
			}
		}
		if at, err := ask(one, ""); !at.IsZero() || !errors.Is(err, msm.ErrNotFresh) {
			t.Errorf("without a session: %v, %v", at, err)
		}
		for name, before := range map[string]string{"a visitor with a session": begin(t, one, addOne), "a visitor without": ""} {
			began := time.Now()
			id := login(t, one, before)
			time.Sleep(time.Second)
			visit(two, id, addOne)
			for _, m := range []*msm.Manager{two, one} {
				if at, err := ask(m, id); at.Sub(began).Abs() > time.Second || err != nil {
					t.Errorf("%s: after the login at %v: %v, %v", name, began, at, err)
				}
			}
			time.Sleep(5 * time.Minute)
			for _, m := range []*msm.Manager{one, two} {
				if _, err := ask(m, id); !errors.Is(err, msm.ErrNotFresh) {
					t.Errorf("%s: five minutes later: %v", name, err)
				}
			}
			id = login(t, two, id)
			if _, err := ask(one, id); err != nil {
				t.Errorf("%s: after another login: %v", name, err)
			}
		}
	})
}
