package lock

import (
	"slices"
	"strings"
	"time"

	"github.com/gomsm/msm/core/internal/recent"
)

// Bounds of what is remembered. MSM is memcached-session-manager, the Java project.
const (
	routeLimit  = 1000          // routes, in each of two generations; MSM's number
	routeLength = 256           // bytes of the longest method or pattern
	routeMemory = 6 * time.Hour // for how long; MSM's number
)

// Route is what requests that do the same have in common: the method and the pattern of the path.
type Route struct{ Method, Pattern string }

// String returns the method and the path, without the method that a pattern of http.ServeMux may begin with.
func (r Route) String() string { return r.Method + " " + r.Path() }

// Path returns the pattern without its method.
func (r Route) Path() string {
	if _, path, found := strings.Cut(r.Pattern, " "); found {
		return path
	}
	return r.Pattern
}

// routeUse is when a request on a route last read a session without changing it, and when one last changed a session.
type routeUse struct{ read, changed time.Time }

// onlyReads reports whether a route with that use counts as read-only (rule K10).
func (u routeUse) onlyReads(now time.Time) bool {
	return now.Sub(u.read) < routeMemory && now.Sub(u.changed) >= routeMemory
}

// Routes learns on which routes requests only read their session: those on which a request has read one within the last
// routeMemory, and none has changed one. The guess may be wrong; then the change is stored like any other, protected by
// the session's version. It is safe for concurrent use.
type Routes struct {
	uses *recent.Map[Route, routeUse]
}

// NewRoutes returns Routes that know nothing yet.
func NewRoutes() *Routes {
	return &Routes{recent.NewMap[Route, routeUse](routeLimit, func(r Route) Route { // it may be made of pieces of a request
		return Route{strings.Clone(r.Method), strings.Clone(r.Pattern)}
	})}
}

// OnlyRead reports whether requests on the route are known to change nothing.
func (r *Routes) OnlyRead(at Route) bool { return r.uses.Get(at).onlyReads(time.Now()) }

// Learn records what a request on the route has done.
func (r *Routes) Learn(at Route, changed bool) {
	if len(at.Pattern) > routeLength || len(at.Method) > routeLength {
		return
	}
	r.uses.Update(at, func(u routeUse) (routeUse, bool) {
		if changed {
			u.changed = time.Now()
		} else {
			u.read = time.Now()
		}
		return u, true
	})
}

// List returns the routes that are known to only read, sorted.
func (r *Routes) List() []string {
	now, found := time.Now(), []string(nil)
	for at, u := range r.uses.All() {
		if u.onlyReads(now) {
			found = append(found, at.String())
		}
	}
	slices.Sort(found)
	return found
}
