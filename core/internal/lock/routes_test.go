package lock

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRoutesLearn has the cases of MSM's ReadOnlyRequestsCacheTest, and that of W-17: what is learned gets old.
func TestRoutesLearn(t *testing.T) {
	t.Parallel()
	page := Route{"GET", "/page"}
	type step struct {
		pause   time.Duration
		at      Route
		changed bool
	}
	for name, c := range map[string]struct {
		steps []step
		after time.Duration
		reads bool // whether page counts as read-only in the end
	}{
		"never seen":                          {nil, 0, false},
		"read once":                           {[]step{{0, page, false}}, 0, true},
		"changed once":                        {[]step{{0, page, true}}, 0, false},
		"read, then changed":                  {[]step{{0, page, false}, {time.Minute, page, true}}, 0, false},
		"changed, then read":                  {[]step{{0, page, true}, {time.Minute, page, false}}, 0, false},
		"read by another method":              {[]step{{0, Route{"HEAD", "/page"}, false}}, 0, false},
		"another page was changed":            {[]step{{0, page, false}, {0, Route{"GET", "/other"}, true}}, 0, true},
		"read long ago":                       {[]step{{0, page, false}}, 6 * time.Hour, false},
		"read not so long ago":                {[]step{{0, page, false}}, 6*time.Hour - 1, true},
		"read again and again":                {[]step{{0, page, false}, {5 * time.Hour, page, false}}, 5 * time.Hour, true},
		"changed long ago, read since":        {[]step{{0, page, true}, {6 * time.Hour, page, false}}, 0, true},
		"changed not so long ago, read since": {[]step{{0, page, true}, {6*time.Hour - 1, page, false}}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewRoutes()
				for _, s := range c.steps {
					time.Sleep(s.pause)
					r.Learn(s.at, s.changed)
				}
				time.Sleep(c.after)
				if r.OnlyRead(page) != c.reads || slices.Contains(r.List(), "GET /page") != c.reads {
					t.Errorf("reads %v, list %v; want %v", r.OnlyRead(page), r.List(), c.reads)
				}
			})
		})
	}
}

// TestRoutesAreBounded: G9. Requests for ever new paths fill nothing, and a page that is read meanwhile stays known.
func TestRoutesAreBounded(t *testing.T) {
	t.Parallel()
	r := NewRoutes()
	for i := range 20 * routeLimit {
		r.Learn(Route{"GET", fmt.Sprint("/", i)}, false)
		if i%routeLimit == 0 {
			r.Learn(Route{"GET", "/page"}, false)
			r.Learn(Route{"GET", "/changes"}, i == 0)
		}
	}
	if n := len(maps.Collect(r.uses.All())); n > 2*routeLimit || len(r.List()) > 2*routeLimit {
		t.Errorf("%d routes", n)
	}
	if !r.OnlyRead(Route{"GET", "/page"}) || r.OnlyRead(Route{"GET", "/changes"}) {
		t.Error("what is used was forgotten")
	}
	long := Route{"GET", strings.Repeat("x", routeLength+1)}
	if r.Learn(long, false); r.OnlyRead(long) {
		t.Error("a long path was learnt")
	}
}
