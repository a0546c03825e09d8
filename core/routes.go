package msm

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// What LockAuto remembers, of requests that are alike.
const (
	routeLimit  = 1000          // routes, in each of two generations; MSM's number
	routeLength = 256           // longest pattern
	routeMemory = 6 * time.Hour // MSM's number
)

// route is what requests have in common that do the same: the method and the pattern of the path.
type route struct{ method, pattern string }

// String leaves out the method that a pattern of net/http's ServeMux may begin with.
func (r route) String() string { return r.method + " " + r.path() }

func (r route) path() string {
	if _, path, found := strings.Cut(r.pattern, " "); found {
		return path
	}
	return r.pattern
}

// habit is when a request on a route last read a session without a change, and when one last changed something.
type habit struct{ read, changed time.Time }

// routes learns on which routes requests do not change their session. It is bounded by forgetting, and by age: of two
// generations the older one goes when the younger is full. A route is known to read if a request has, and none has changed
// anything for long. The guess may be wrong: then the change is stored as any other, by its version. It is safe for
// concurrent use.
type routes struct {
	mu         sync.Mutex
	young, old map[route]habit
}

func newRoutes() *routes { return &routes{young: make(map[route]habit)} }

// reads reports whether requests on the route are known to change nothing.
func (r *routes) reads(at route) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.habit(at).reads(time.Now())
}

func (h habit) reads(now time.Time) bool {
	return now.Sub(h.read) < routeMemory && now.Sub(h.changed) >= routeMemory
}

func (r *routes) habit(at route) habit {
	if h, known := r.young[at]; known {
		return h
	}
	return r.old[at]
}

// learn takes what a request on the route has done.
func (r *routes) learn(at route, changed bool) {
	if len(at.pattern) > routeLength || len(at.method) > routeLength {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.habit(at)
	if changed {
		h.changed = time.Now()
	} else {
		h.read = time.Now()
	}
	if _, known := r.young[at]; !known {
		if len(r.young) >= routeLimit {
			r.young, r.old = make(map[route]habit), r.young
		}
		at = route{strings.Clone(at.method), strings.Clone(at.pattern)} // they may be pieces of a request
	}
	r.young[at] = h
}

// list answers the routes that are known to only read, sorted.
func (r *routes) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, found := time.Now(), []string(nil)
	for at := range r.young {
		if r.young[at].reads(now) {
			found = append(found, at.String())
		}
	}
	for at := range r.old {
		if _, younger := r.young[at]; !younger && r.old[at].reads(now) {
			found = append(found, at.String())
		}
	}
	slices.Sort(found)
	return found
}
