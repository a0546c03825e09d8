package msm_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestAFaultOfTheProgramIs500 checks that the client is not told to try again.
func TestAFaultOfTheProgramIs500(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do    func(s *msm.Session)
		cause string
	}{
		"a value that cannot be encoded":      {func(s *msm.Session) { s.Set("f", func() {}) }, "attribute"},
		"an update to one":                    {func(s *msm.Session) { msm.Update(s, "f", func(func()) func() { return func() {} }) }, "attribute"},
		"an update of another type":           {func(s *msm.Session) { msm.Update(s, "a", func(n int) int { return n }) }, "attribute"},
		"an empty name":                       {func(s *msm.Session) { s.Set("", 1) }, "attribute"},
		"an empty name to update":             {func(s *msm.Session) { msm.Update(s, "", func(n int) int { return n }) }, "attribute"},
		"a name that is too long":             {func(s *msm.Session) { s.Set(strings.Repeat("n", 1<<16), 1) }, "attribute"},
		"no idle timeout":                     {func(s *msm.Session) { s.SetIdleTimeout(0) }, "misuse"},
		"an idle timeout that is too short":   {func(s *msm.Session) { s.SetIdleTimeout(time.Second - 1) }, "misuse"},
		"an idle timeout that is past":        {func(s *msm.Session) { s.SetIdleTimeout(math.MinInt64) }, "misuse"},
		"a cookie's life that is too short":   {func(s *msm.Session) { s.Persist(time.Millisecond) }, "misuse"},
		"a lock without Locking":              {func(s *msm.Session) { _ = s.Lock(context.Background()) }, "misuse"},
		"a session that grows too much":       {func(s *msm.Session) { s.Set("b", strings.Repeat("x", 5000)) }, "tooLarge"},
		"flashes that grow too much":          {func(s *msm.Session) { s.AddFlash(strings.Repeat("x", 5000)) }, "tooLarge"},
		"a new session that grows too much":   {func(s *msm.Session) { s.Destroy(); s.Set("b", strings.Repeat("x", 5000)) }, "tooLarge"},
		"a renewed one that grows too much":   {func(s *msm.Session) { _ = s.Renew(); s.Set("b", strings.Repeat("x", 5000)) }, "tooLarge"},
		"an update that makes it grow so":     {func(s *msm.Session) { msm.Update(s, "b", func(string) string { return strings.Repeat("x", 5000) }) }, "tooLarge"},
		"a value that cannot, by a typed key": {func(s *msm.Session) { msm.NewKey[any]("c").Set(s, make(chan int)) }, "attribute"},
	} {
		t.Run(name, func(t *testing.T) {
			modes(t, func(t *testing.T, config msm.Config) {
				config.MaxSessionSize = 4000
				m := newManager(t, config)
				id := begin(t, m, func(s *msm.Session) { s.Set("a", "old") })
				wantPage(t, visit(m, id, c.do), 500, programPage)
				wantRefused(t, m, map[string]uint64{c.cause: 1})
			})
		})
	}
}

// TestAChangeOnAnIgnoredPathIs500 checks that any change is, and that reading is not.
func TestAChangeOnAnIgnoredPathIs500(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do     func(s *msm.Session)
		status int
	}{
		"Set":            {func(s *msm.Session) { s.Set("a", 1) }, 500},
		"Update":         {func(s *msm.Session) { add(s) }, 500},
		"AddFlash":       {func(s *msm.Session) { s.AddFlash("x") }, 500},
		"Delete":         {func(s *msm.Session) { s.Delete("a") }, 500},
		"Clear":          {func(s *msm.Session) { s.Clear() }, 500},
		"SetIdleTimeout": {func(s *msm.Session) { s.SetIdleTimeout(time.Hour) }, 500},
		"Persist":        {func(s *msm.Session) { s.Persist(time.Hour) }, 500},
		"Destroy":        {func(s *msm.Session) { s.Destroy() }, 500},
		"Get":            {func(s *msm.Session) { count.Get(s) }, 200},
		"Flashes":        {func(s *msm.Session) { s.Flashes() }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			modes(t, func(t *testing.T, config msm.Config) {
				config.Ignore = everything
				m := newManager(t, config)
				resp := visit(m, "", c.do)
				if c.status == 200 {
					if resp.StatusCode != 200 {
						t.Error(resp.StatusCode)
					}
					return
				}
				wantPage(t, resp, 500, programPage)
				wantRefused(t, m, map[string]uint64{"misuse": 1})
			})
		})
	}
}

// TestALogoutMeanwhileIsNobodysFault checks that it is 409, since neither the nodes nor the program are at fault.
func TestALogoutMeanwhileIsNobodysFault(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, config msm.Config) {
		m := newManager(t, config)
		id := begin(t, m, func(s *msm.Session) { add(s) })
		resp := visit(m, id, func(s *msm.Session) {
			add(s)
			visit(m, id, func(s *msm.Session) { s.Destroy() })
		})
		wantPage(t, resp, 409, "The session has ended meanwhile. Please try again.\n")
		wantRefused(t, m, map[string]uint64{"gone": 1})
	})
}
