package examples

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// reading is the counters at a moment.
type reading struct {
	at                               time.Time
	commands, answered, downs, wrong int
}

func (w *blipWorld) read() reading {
	w.t.Helper()
	w.traffic.mu.Lock()
	r := reading{wrong: len(w.traffic.wrong)}
	w.traffic.mu.Unlock()
	r.at, r.commands, r.answered, r.downs = time.Now(), w.commands(), int(w.traffic.answered.Load()), w.downs()
	return r
}

// asked returns the number of commands between two readings, without those that come as time goes by, such as probes.
func (w *blipWorld) asked(a, b reading) float64 {
	return float64(b.commands-a.commands) - w.idle*b.at.Sub(a.at).Seconds()
}

// beyond returns the number of commands between two readings that neither time nor the requests explain.
func (w *blipWorld) beyond(a, b reading) float64 {
	return w.asked(a, b) - w.needs*float64(b.answered-a.answered)
}

// stretch is how requests fared for some time.
type stretch struct {
	p50, p99 time.Duration
	each     float64 // commands per request
	rate     float64 // requests per second
}

func (w *blipWorld) stretch(a, b reading) stretch {
	n := float64(b.answered - a.answered)
	s := stretch{each: w.asked(a, b) / max(n, 1), rate: n / b.at.Sub(a.at).Seconds()}
	s.p50, s.p99 = percentiles(w.traffic.between(a.at, b.at))
	return s
}

func percentiles(calls []call) (p50, p99 time.Duration) {
	if len(calls) == 0 {
		return 0, 0
	}
	slices.SortFunc(calls, func(a, b call) int { return cmp.Compare(a.ended.Sub(a.began), b.ended.Sub(b.began)) })
	took := func(i int) time.Duration { return calls[i].ended.Sub(calls[i].began) }
	return took(len(calls) / 2), took(len(calls) * 99 / 100)
}

// blipReport is what a blip cost.
type blipReport struct {
	held               int           // sessions
	counted            int           // requests answered from its begin until all was calm
	touched            int           // requests under way before every instance used every node again, and doubted none; see watch
	extra              int           // commands beyond what requests need, until all was calm
	calm               time.Duration // from its end on; zero: it was calm when first checked, four seconds later
	restless           bool          // it never became calm
	before, after      stretch
	p50, p99           time.Duration // of the touched requests
	refused, conflicts int           // requests answered 5xx and 409
	said               string        // the first refusal
	wrong              []string      // counts that were lost or doubled
	downs              int           // how often an instance said that a node is down
}

// measure plays a blip. The stretch after begins two seconds after its end.
func (w *blipWorld) measure(play func(w *blipWorld)) blipReport {
	w.t.Helper()
	calm := w.read()
	time.Sleep(calmTime)
	begin := w.read()
	play(w)
	ended := time.Now()
	healed := w.watch(ended)
	soon := w.read()
	time.Sleep(2 * time.Second)
	after := w.stretch(soon, w.read())
	last, calmSince, restless := w.calm()

	r := w.failures(begin, last)
	r.before, r.after, r.restless = w.stretch(calm, begin), after, restless
	r.counted = last.answered - begin.answered
	r.extra = int(w.beyond(begin, last))
	if !calmSince.IsZero() {
		r.calm = calmSince.Sub(ended)
	}
	if r.downs > 0 { // a node was down, and what it has is compared with the others for two seconds (rule N13)
		healed = healed.Add(2 * time.Second)
	}
	touched := w.traffic.between(begin.at, healed)
	r.touched = len(touched)
	r.p50, r.p99 = percentiles(touched)
	return r
}

// watch returns when every instance used every node again. It watches for two seconds, because a fault may show late.
func (w *blipWorld) watch(ended time.Time) (healed time.Time) {
	w.t.Helper()
	for healed = ended; time.Since(ended) < 2*time.Second; time.Sleep(20 * time.Millisecond) {
		if up, _ := w.state(); !up {
			healed = time.Now()
		}
	}
	return healed
}

// calmTime is long enough to measure, and for what begins a second or two after a fault.
const calmTime = 4 * time.Second

// calm waits until the requests explain the commands of some seconds, in each within a twentieth. restless reports that
// this takes half a minute longer than to repair every session. since is zero if it was calm all along.
func (w *blipWorld) calm() (last reading, since time.Time, restless bool) {
	w.t.Helper()
	last = w.read()
	began := last.at
	end := began.Add(30*time.Second + time.Duration(w.traffic.sessions())*time.Millisecond)
	for quiet := began; last.at.Sub(quiet) < calmTime; {
		if last.at.After(end) {
			return last, since, true
		}
		time.Sleep(time.Second)
		now := w.read()
		_, settled := w.state()
		if needs := w.needs * float64(now.answered-last.answered); !settled || w.beyond(last, now) > needs/20 {
			since, quiet = now.at, now.at
		}
		last = now
	}
	return last, since, false
}

// failures returns what no visitor and no operator should see, between two readings.
func (w *blipWorld) failures(a, b reading) (r blipReport) {
	for _, c := range w.traffic.between(a.at, b.at) {
		switch {
		case c.status >= http.StatusInternalServerError:
			r.refused++
			r.said = cmp.Or(r.said, c.said)
		case c.status == http.StatusConflict:
			r.conflicts++
		}
	}
	w.traffic.mu.Lock()
	defer w.traffic.mu.Unlock()
	r.wrong, r.downs, r.held = w.traffic.wrong[a.wrong:b.wrong], b.downs-a.downs, w.traffic.sessions()
	return r
}

// judge checks what can be counted. The cost of a blip grows with the requests that it touched, and with nothing else.
func (r blipReport) judge(t *testing.T, noneDown bool) {
	t.Helper()
	if r.extra > 2*r.touched+r.counted/100 { // a hundredth is the precision of the count
		t.Errorf("%d commands beyond what the requests needed; %d requests met the fault, %d sessions were held", r.extra, r.touched, r.held)
	}
	if r.restless {
		t.Error("it was never calm again")
	}
	if r.refused > 0 {
		t.Errorf("%d requests were answered 5xx: %s", r.refused, r.said)
	}
	if len(r.wrong) > 0 {
		t.Errorf("wrong counts: %q", r.wrong)
	}
	if noneDown && r.downs > 0 {
		t.Errorf("a node was said to be down %d times, and none was", r.downs)
	}
}

// blipHeader names the columns of a report.
const blipHeader = "| what happened | requests touched | extra commands | for each of these | for each session | calm after " +
	"| 5xx | 409 | wrong | \"node is down\" | p50/p99 before, ms | during | after " +
	"| commands a request, before | after | requests a second, before | after |\n" +
	"| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"

// row returns a line of the table.
func (r blipReport) row(name string) string {
	calm := "at once"
	switch {
	case r.restless:
		calm = "never"
	case r.calm > 0:
		calm = r.calm.Round(time.Second).String()
	}
	ms := func(p50, p99 time.Duration) string {
		return fmt.Sprintf("%.1f/%.0f", p50.Seconds()*1000, p99.Seconds()*1000)
	}
	return fmt.Sprintf("| %s | %d | %d | %.1f | %.2f | %s | %d | %d | %d | %d | %s | %s | %s | %.2f | %.2f | %.0f | %.0f |",
		name, r.touched, r.extra, float64(r.extra)/float64(max(r.touched, 1)), float64(r.extra)/float64(r.held), calm,
		r.refused, r.conflicts, len(r.wrong), r.downs,
		ms(r.before.p50, r.before.p99), ms(r.p50, r.p99), ms(r.after.p50, r.after.p99),
		r.before.each, r.after.each, r.before.rate, r.after.rate)
}
