package msm_test

import (
	"fmt"
	"net/http"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestIsNewIsAboutTheClient checks that IsNew says how the client came, whatever became of its session since.
func TestIsNewIsAboutTheClient(t *testing.T) {
	t.Parallel()
	everyMode(t, func(t *testing.T, config msm.Config) {
		m := newManager(t, config)
		for name, do := range map[string]func(w http.ResponseWriter, s *msm.Session){
			"at once":              func(http.ResponseWriter, *msm.Session) {},
			"after a change":       func(_ http.ResponseWriter, s *msm.Session) { add(s) },
			"after a renewal":      func(_ http.ResponseWriter, s *msm.Session) { s.Set("x", 1); _ = s.Renew() },
			"after its end":        func(_ http.ResponseWriter, s *msm.Session) { s.Destroy() },
			"after a new one":      func(_ http.ResponseWriter, s *msm.Session) { s.Destroy(); s.Set("x", 1) },
			"after the first byte": func(w http.ResponseWriter, s *msm.Session) { s.Set("x", 1); _, _ = fmt.Fprint(w, "x") },
		} {
			for who, id := range map[string]string{"a visitor who has none": "", "one who has": sessionOf(t, counting(m))} {
				t.Run(name+", "+who, func(t *testing.T) {
					exchange(m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						s := msm.From(r.Context())
						do(w, s)
						if s.IsNew() != (id == "") {
							t.Errorf("IsNew: %v", s.IsNew())
						}
					})), "POST", "/", withCookie("SESSION="+id))
				})
			}
		}
	})
}
