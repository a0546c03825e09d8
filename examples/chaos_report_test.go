package examples

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// chaosReport is what happened, and what should not have happened. It is safe for concurrent use.
type chaosReport struct {
	mu         sync.Mutex
	windows    []chaosWindow
	requests   []chaosRequest
	violations map[string][]string
	played     map[string]int // scenarios, by name
	lateness   lateness
	lostYoung  int // counts lost within the limit of asynchronous backup
	brokenOff  int // requests whose instance did not answer
	stallMeter *stallLog
}

// chaosWindow is the time of a fault or a change.
type chaosWindow struct {
	kind, name string
	begin, end time.Time // end is zero while it lasts
}

// chaosRequest is a request that was answered.
type chaosRequest struct {
	what   string
	at     time.Time
	took   time.Duration
	status int
	said   string // the answer, with a 5xx
}

func newChaosReport() *chaosReport {
	return &chaosReport{violations: map[string][]string{}, played: map[string]int{}, stallMeter: startStallLog()}
}

// begin begins a window, which lasts until end is called.
func (r *chaosReport) begin(kind, name string) (end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := len(r.windows)
	r.windows = append(r.windows, chaosWindow{kind: kind, name: name, begin: time.Now()})
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.windows[i].end = time.Now()
	}
}

func (r *chaosReport) request(q chaosRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, q)
}

func (r *chaosReport) broken(string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.brokenOff++
}

func (r *chaosReport) young(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lostYoung += n
}

func (r *chaosReport) plays(scenario string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.played[scenario]++
}

// lateness is about things that should be so at once, and may be so a moment later.
type lateness struct {
	times int
	took  time.Duration // of the worst one
	what  string
}

func (r *chaosReport) late(what string, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lateness.times++
	if took > r.lateness.took {
		r.lateness.took, r.lateness.what = took, what
	}
}

func (r *chaosReport) violate(kind, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.violations[kind] = append(r.violations[kind], fmt.Sprintf(format, args...))
}

// lastInstanceFault returns when the last fault of an instance began, and whether there was one.
func (r *chaosReport) lastInstanceFault() (time.Time, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.windows) - 1; i >= 0; i-- {
		if r.windows[i].kind == "instance" {
			return r.windows[i].begin, true
		}
	}
	return time.Time{}, false
}

func (r *chaosReport) instanceFaultSince(t time.Time) bool {
	at, was := r.lastInstanceFault()
	return was && at.After(t)
}

// faultWithin reports whether there is a fault or a change, or was one within that time.
func (r *chaosReport) faultWithin(d time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.windows) == 0 {
		return false
	}
	last := r.windows[len(r.windows)-1]
	return last.end.IsZero() || time.Since(last.end) < d
}

func (r *chaosReport) stall() time.Duration { return r.stallMeter.worst(time.Time{}, time.Now()) }

// in returns the kind of window that a request ran in; "after" is within a second after a fault of a node, and "calm"
// is none.
func (r *chaosReport) in(q chaosRequest) (kind string) {
	if w, ok := r.window(q); ok {
		return w.kind
	}
	for _, w := range r.windows {
		if w.kind == "node" && q.at.After(w.end) && q.at.Sub(w.end) < time.Second {
			return "after"
		}
	}
	return "calm"
}

func (r *chaosReport) window(q chaosRequest) (w chaosWindow, ok bool) {
	i := slices.IndexFunc(r.windows, func(w chaosWindow) bool { return q.at.Before(w.end) && q.at.Add(q.took).After(w.begin) })
	if i < 0 {
		return w, false
	}
	return r.windows[i], true
}

// tell says what a request was, and what happened meanwhile.
func (r *chaosReport) tell(q chaosRequest) string {
	w, ok := r.window(q)
	if !ok {
		return q.what
	}
	return fmt.Sprintf("%s, %v after the begin of %q", q.what, q.at.Sub(w.begin).Round(time.Millisecond), w.name)
}

// chaosFigures are about the requests of one kind of window.
type chaosFigures struct {
	n, errors    int
	said         string // the first error
	p50, p99     time.Duration
	slowest      chaosRequest
	beyondStalls time.Duration // of the slowest, without the time for which the machine stood still
}

func (r *chaosReport) figures() map[string]chaosFigures {
	of := map[string][]chaosRequest{}
	for _, q := range r.requests {
		of[r.in(q)] = append(of[r.in(q)], q)
	}
	figures := map[string]chaosFigures{}
	for kind, list := range of {
		slices.SortFunc(list, func(a, b chaosRequest) int { return int(a.took - b.took) })
		f := chaosFigures{n: len(list), p50: list[len(list)/2].took, p99: list[len(list)*99/100].took, slowest: list[len(list)-1]}
		for _, q := range list {
			if q.status >= 500 {
				f.errors++
				f.said = cmp.Or(f.said, r.tell(q)+": "+q.said)
			}
			f.beyondStalls = max(f.beyondStalls, q.took-r.stallMeter.worst(q.at, q.at.Add(q.took)))
		}
		figures[kind] = f
	}
	return figures
}

func (r *chaosReport) String() string {
	var text strings.Builder
	faults := map[string]int{}
	for _, w := range r.windows {
		faults[w.kind+": "+w.name]++
	}
	fmt.Fprintf(&text, "%d requests answered, %d broken off with their instance\n", len(r.requests), r.brokenOff)
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		fmt.Fprintf(&text, "  %3d x %s\n", faults[name], name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.played)) {
		fmt.Fprintf(&text, "  %3d x played: %s\n", r.played[name], name)
	}
	for _, kind := range []string{"lost", "doubled", "resurrected", "foreign", "refused"} {
		fmt.Fprintf(&text, "  %d %s\n", len(r.violations[kind]), kind)
	}
	fmt.Fprintf(&text, "  %d counts of the last 100 ms before an instance fault lost\n", r.lostYoung)
	if l := r.lateness; l.times > 0 {
		fmt.Fprintf(&text, "  %d times something was so a moment later only, at most %v: %s\n", l.times, l.took.Round(time.Millisecond), l.what)
	}
	figures := r.figures()
	for _, kind := range []string{"calm", "node", "after", "instance", "change"} {
		f, ok := figures[kind]
		if !ok {
			continue
		}
		fmt.Fprintf(&text, "  %-9s %6d requests, %d answered 5xx, p50 %v, p99 %v, slowest %v (less stalls %v): %s\n",
			kind, f.n, f.errors, f.p50.Round(time.Microsecond), f.p99.Round(time.Microsecond),
			f.slowest.took.Round(time.Millisecond), f.beyondStalls.Round(time.Millisecond), r.tell(f.slowest))
		if f.errors > 0 {
			fmt.Fprintf(&text, "    the first 5xx: %s\n", f.said)
		}
	}
	return text.String()
}
