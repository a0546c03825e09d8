package msm

import (
	"slices"
	"strings"
	"time"

	"github.com/gomsm/msm/core/internal/recent"
)

// Bounds of what LockAuto remembers. MSM is memcached-session-manager, the Java project.
const (
	routeLimit  = 1000          // routes, in each of two generations; MSM's number
	routeLength = 256           // bytes of the longest method or pattern
	routeMemory = 6 * time.Hour // for how long; MSM's number
)

// route is what requests that do the same have in common: the method and the pattern of the path.
type route struct{ method, pattern string }

// String returns the method and the path, without the method that a pattern of http.ServeMux may begin with.
func (r route) String() string { return r.method + " " + r.path() }

// path returns the pattern without its method.
func (r route) path() string {
	if _, path, found := strings.Cut(r.pattern, " "); found {
		return path
	}
	return r.pattern
}

// habit is when a request on a route last read a session without changing it, and when one last changed a session.
type habit struct{ read, changed time.Time }

// reads reports whether a route with that habit counts as read-only (rule K10).
func (h habit) reads(now time.Time) bool {
	return now.Sub(h.read) < routeMemory && now.Sub(h.changed) >= routeMemory
}

// routes learns on which routes requests only read their session: those on which a request has read one within the last
// routeMemory, and none has changed one. The guess may be wrong; then the change is stored like any other, protected by
// the session's version. It is safe for concurrent use.
type routes struct {
	habits *recent.Map[route, habit]
}

func newRoutes() *routes {
	return &routes{recent.NewMap[route, habit](routeLimit, func(r route) route { // it may be made of pieces of a request
		return route{strings.Clone(r.method), strings.Clone(r.pattern)}
	})}
}

// reads reports whether requests on the route are known to change nothing.
func (r *routes) reads(at route) bool { return r.habits.Get(at).reads(time.Now()) }

// learn records what a request on the route has done.
func (r *routes) learn(at route, changed bool) {
	if len(at.pattern) > routeLength || len(at.method) > routeLength {
		return
	}
	r.habits.Update(at, func(h habit) (habit, bool) {
		if changed {
			h.changed = time.Now()
		} else {
			h.read = time.Now()
		}
		return h, true
	})
}

// list returns the routes that are known to only read, sorted.
func (r *routes) list() []string {
	now, found := time.Now(), []string(nil)
	for at, h := range r.habits.All() {
		if h.reads(now) {
			found = append(found, at.String())
		}
	}
	slices.Sort(found)
	return found
}
