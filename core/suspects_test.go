package msm_test

import (
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestWhatIsNoSessionsIDIsCounted: SR-31. Ids that are refused, that name no session, or that name several are counted; where
// somebody may be up to something the log has a line, not one for each request, and no id.
func TestWhatIsNoSessionsIDIsCounted(t *testing.T) {
	t.Parallel()
	key := [][]byte{[]byte(strings.Repeat("k", 32))}
	for name, c := range map[string]struct {
		keys   [][]byte
		cookie func(one, two string) string
		want   msm.IDStats // of 100 requests
		says   string
	}{
		"its own id":                   {key, func(one, _ string) string { return "SESSION=" + one }, msm.IDStats{}, ""},
		"no id":                        {key, func(string, string) string { return "other=1" }, msm.IDStats{}, ""},
		"a malformed one":              {nil, func(string, string) string { return "SESSION=x" }, msm.IDStats{Refused: 100}, "has not made"},
		"a changed one":                {key, func(one, _ string) string { return "SESSION=" + strings.Replace(one, one[:3], "aaa", 1) }, msm.IDStats{Refused: 100}, "has not made"},
		"an unsigned one":              {key, func(string, string) string { return "SESSION=" + invented(7) }, msm.IDStats{Refused: 100}, "has not made"},
		"its own, and a malformed one": {key, func(one, _ string) string { return "SESSION=" + one + "; SESSION=x" }, msm.IDStats{Refused: 100}, "has not made"},
		"one of no session":            {nil, func(string, string) string { return "SESSION=" + invented(7) }, msm.IDStats{Unknown: 100}, ""},
		"those of two sessions":        {key, func(one, two string) string { return "SESSION=" + one + "; SESSION=" + two }, msm.IDStats{Several: 100}, "cookies of several sessions"},
		"more cookies than anybody has": {key, func(one, _ string) string { return strings.Repeat("SESSION="+one+"; ", 9) },
			msm.IDStats{Several: 100}, "cookies of several sessions"},
	} {
		t.Run(name, func(t *testing.T) {
			log := &logged{}
			m := newManager(t, msm.Config{SigningKeys: c.keys, Logger: log.logger()})
			one, two := begin(t, m, addOne), begin(t, m, addOne)
			h := m.Middleware(handlerOf(func(s *msm.Session) { count.Get(s) }))
			for range 100 {
				exchange(h, "GET", "/", withCookie(c.cookie(one, two)))
			}
			if got := m.Stats().IDs; got != c.want {
				t.Errorf("%+v; want %+v", got, c.want)
			}
			if lines := log.count("requests have"); c.says == "" && lines > 0 || c.says != "" && (log.count(c.says) != lines || lines == 0 || lines > 20) {
				t.Errorf("%d lines: %s", lines, log.lines(""))
			}
			if log.count(one[:20])+log.count(two[:20]) > 0 {
				t.Errorf("it has an id: %s", log.lines(""))
			}
		})
	}
}
