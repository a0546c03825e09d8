package msm

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/principal"
)

// TestPrincipalLimit: SR-02, rule P6. However many log in, and at however many places at once, no more sessions of a principal
// live than may.
func TestPrincipalLimit(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{PrincipalLimit: 2}, func(p *accounts) {
		phone := p.user(p.a, "ann", "phone")
		time.Sleep(10 * time.Minute)
		home := p.user(p.a, "ann", "home")
		time.Sleep(10 * time.Minute)
		p.is(phone, p.a, "ann")
		time.Sleep(time.Second)
		work := p.user(p.b, "ann", "work")
		time.Sleep(heard)
		p.everywhere(home, "")
		p.everywhere(phone, "ann")
		p.everywhere(work, "ann")
		p.logIn(work, p.b, "ann", "work") // again, and not one more
		time.Sleep(heard)
		p.everywhere(phone, "ann")
		var crowd [6]*visitor
		var all = make(chan struct{}, len(crowd))
		for i := range crowd {
			go func() {
				crowd[i] = p.user([]*Manager{p.a, p.b}[i%2], "ann", fmt.Sprint("crowd", i))
				all <- struct{}{}
			}()
		}
		for range crowd {
			<-all
		}
		time.Sleep(checkEvery)
		alive := 0
		for _, v := range append(crowd[:], phone, work) {
			v.request(p.a, "GET", func(s *Session) {
				if s.Principal() == "ann" {
					alive++
				}
			})
		}
		if n := len(p.sessions(p.a, "ann")); alive > 2 || n > 2 || alive == 0 {
			p.t.Errorf("%d sessions live, %d are listed; want 2", alive, n)
		}
	})
}

// TestWhoEndsFirst: rule P6. Of a principal's sessions the one ends first that was used the longest ago; one of which no node
// tells anything may be in use, and ends last.
func TestWhoEndsFirst(t *testing.T) {
	t.Parallel()
	now := time.Now()
	seen := func(handle string, number uint64, used time.Time) sighting {
		return sighting{Session: principal.Session{Handle: handle, Number: number}, used: used}
	}
	list := []sighting{
		seen("unknown", 1, time.Time{}), seen("now", 2, now), seen("unknown, later", 5, time.Time{}), seen("long ago", 9, now.Add(-time.Hour)),
		seen("as long, later", 10, now.Add(-time.Hour)),
	}
	slices.SortFunc(list, sighting.compare)
	var got []string
	for _, s := range list {
		got = append(got, s.Handle)
	}
	if want := []string{"long ago", "as long, later", "now", "unknown", "unknown, later"}; !slices.Equal(got, want) {
		t.Errorf("%q; want %q", got, want)
	}
}

// TestPrincipalLimitRefuses: SR-02, rule P6. A login beyond the limit is refused, and its handler is told; once there is room
// it is not.
func TestPrincipalLimitRefuses(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{PrincipalLimit: 1, PrincipalLimitRefuses: true}, func(p *accounts) {
		first := p.user(p.a, "ann", "home")
		time.Sleep(heard)
		p.logIn(first, p.a, "ann", "home")
		time.Sleep(heard)
		second := &visitor{}
		try := func(want error, code int) {
			p.t.Helper()
			got := second.request(p.b, "POST", func(s *Session) {
				s.Set("cart", 1)
				if err := s.SetPrincipal("ann"); !errors.Is(err, want) {
					p.t.Errorf("%v; want %v", err, want)
				}
			}).Code
			if got != code {
				p.t.Errorf("status %d; want %d", got, code)
			}
		}
		try(ErrTooManySessions, http.StatusOK)
		p.is(second, p.b, "")
		second.request(p.b, "GET", func(s *Session) {
			if Get[int](s, "cart") != 1 {
				p.t.Error("the visitor has lost what else was set")
			}
		})
		p.everywhere(first, "ann")
		first.request(p.a, "POST", func(s *Session) {
			s.Destroy()
			p.must(s.SetPrincipal("ann"))
		})
		time.Sleep(heard)
		p.everywhere(first, "ann")
		try(ErrTooManySessions, http.StatusOK)
		first.request(p.a, "POST", func(s *Session) { s.Destroy() })
		time.Sleep(heard)
		try(nil, http.StatusOK)
		p.is(second, p.b, "ann")
	})
}
