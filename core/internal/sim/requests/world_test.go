package requests

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// world is everything in one seed's play.
type world struct {
	seed  uint64
	set   setting
	began time.Time
	rng   *rand.Rand // of the goroutine that plays, which alone decides about faults

	mu        sync.Mutex
	servers   []*server
	instances []*instance       // those that run, in the order of their places
	counts    map[string]uint64 // how often something was decided
	taken     map[int64]bool    // moments at which something happens: only one thing each
	lines     []line            // the trace
	fault     string            // the present one; "": none
	disturbed string            // the last one
	struck    time.Time         // when it began
	wasAway   bool              // no node was there at some time
	emptied   time.Time         // when a node last lost what it had
	routes    int
	calmSince time.Time      // when the last fault, or its repair, ended
	wrong     []string       // broken promises
	refused   int            // requests that got an error
	excused   map[string]int // by reason: what would else have been wrong
	stalest   time.Duration  // the age of the oldest session that an old cookie led to
	slowest   time.Duration  // of all requests during a fault that bounds their time
	requests  int
	over      bool       // no requests are to begin any more
	paused    bool       // no requests are to begin now
	resting   bool       // visitors only read, seldom
	acting    int        // tabs that are sending a request
	sessions  []*session // all that there ever were
	visitors  []*visitor
	endings   []ending
	runs      []*run    // handlers that are at work
	unlocked  time.Time // when locks were last lost without a fault of a node
}

type line struct {
	at   time.Duration
	text string
}

func newWorld(seed uint64, set setting) *world {
	w := &world{
		seed: seed, set: set, began: time.Now(), calmSince: time.Now(), rng: rand.New(rand.NewPCG(seed, 0)),
		counts: make(map[string]uint64), taken: make(map[int64]bool), excused: make(map[string]int),
	}
	for i := range set.nodes {
		w.servers = append(w.servers, newServer(w, fmt.Sprintf("n%d", i+1)))
	}
	return w
}

// say adds a line to the trace.
func (w *world) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(format, args...)
}

// note is say for a caller that holds mu.
func (w *world) note(format string, args ...any) {
	w.lines = append(w.lines, line{time.Since(w.began), fmt.Sprintf(format, args...)})
}

// violate records a broken promise.
func (w *world) violate(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrongf(format, args...)
}

// wrongf is violate for a caller that holds mu.
func (w *world) wrongf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.wrong = append(w.wrong, fmt.Sprintf("at %v: %s", time.Since(w.began), text))
	w.note("WRONG: %s", text)
}

// trace returns what happened. The order within one moment means nothing, so it is sorted.
func (w *world) trace() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := slices.Clone(w.lines)
	slices.SortStableFunc(lines, func(a, b line) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return strings.Compare(a.text, b.text)
	})
	list := make([]string, len(lines))
	for i, l := range lines {
		list[i] = fmt.Sprintf("%12.6fms %s", float64(l.at)/1e6, l.text)
	}
	return list
}

// chance decides something about what has that name, and returns a number from 0 up to 1. It depends only on the seed,
// the name and how often it was asked. So goroutines that run at the same moment cannot change what is decided.
func (w *world) chance(name string) float64 {
	w.counts[name]++
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s/%d", w.seed, name, w.counts[name])
	return float64(mix(h.Sum64())>>11) / (1 << 53)
}

func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// after does something later, at a moment of its own. Guarded by mu.
func (w *world) after(d time.Duration, do func()) {
	at := time.Now().Add(d).UnixNano()
	for w.taken[at] {
		at++
	}
	w.taken[at] = true
	time.AfterFunc(time.Until(time.Unix(0, at)), do)
}

// between returns a time within bounds, mostly near the lower one.
func between(least, most time.Duration, chance float64) time.Duration {
	return least + time.Duration(chance*chance*float64(most-least))
}

func (w *world) server(name string) *server {
	for _, s := range w.servers {
		if s.name == name {
			return s
		}
	}
	return nil
}
