// Package journal is a log that limits repeated lines. An operator sees an event at once, but is not flooded: a fault
// that every request meets is logged once, and then one line every ten seconds with the number of the lines that were
// left out.
package journal

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Interval is how often a repeated event is logged.
const Interval = 10 * time.Second

const (
	// stateLines is how many changes of one state are logged per interval: it may change and change back twice.
	stateLines = 4
	maxTopics  = 256 // topics that are counted separately; bounded, because attribute names may come from visitors
	maxDetail  = 256 // bytes of a detail by which topics are distinguished
)

// Journal writes a log with a limited number of repeated lines: use Event and State for those. Lines that are rare by
// nature are written with the embedded Logger. It is safe for concurrent use.
type Journal struct {
	*slog.Logger

	mu     sync.Mutex
	topics map[topic]*passage
	closed bool
	sums   sync.WaitGroup // lines that are being written at the end of an interval
}

// topic identifies lines that are counted together.
type topic struct{ about, detail string }

// passage is the state of a topic's rate limiter in the present interval.
type passage struct {
	until time.Time
	most  int         // lines per interval
	room  int         // lines that may still be written in this interval
	left  int         // lines left out since the last one that was written
	last  slog.Record // the last line that was left out
	timer *time.Timer // ends the interval; nil: the journal was closed before
}

// New returns a journal that writes to the given logger. The caller has to close it.
func New(to *slog.Logger) *Journal {
	return &Journal{Logger: to, topics: make(map[topic]*passage)}
}

// Silent returns a journal that writes nothing.
func Silent() *Journal { return New(slog.New(slog.DiscardHandler)) }

// Event logs what may happen with every request. Per interval it writes one line for each pair of message and detail,
// such as the cause. The attribute "suppressed" has the number of lines that were left out since the last one.
func (j *Journal) Event(ctx context.Context, level slog.Level, message, detail string, args ...any) {
	j.tell(ctx, topic{message, detail}, 1, level, message, args)
}

// State logs the present state of a thing, such as a node. If it changes more than four times in an interval, the last
// change is logged when the interval ends, with the number of the changes in between.
func (j *Journal) State(ctx context.Context, level slog.Level, thing, message string, args ...any) {
	j.tell(ctx, topic{"", thing}, stateLines, level, message, args)
}

func (j *Journal) tell(ctx context.Context, t topic, most int, level slog.Level, message string, args []any) {
	if !j.Enabled(ctx, level) {
		return
	}
	var caller [1]uintptr
	runtime.Callers(3, caller[:])
	line := slog.NewRecord(time.Now(), level, message, caller[0])
	line.Add(args...)
	if j.passes(t, most, &line) {
		_ = j.Handler().Handle(ctx, line)
	}
}

// passes reports whether a line is to be written at once, and adds the number of lines left out before it.
func (j *Journal) passes(t topic, most int, line *slog.Record) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	p := j.passage(t, most)
	if p.room == 0 {
		p.last = *line
		p.left++
		return false
	}
	p.room--
	if p.left > 0 {
		line.Add("suppressed", p.left)
		p.left = 0
	}
	return true
}

// passage returns the state of a topic, and creates it if there is none. The caller holds mu.
func (j *Journal) passage(t topic, most int) *passage {
	t.detail = strings.Clone(t.detail[:min(len(t.detail), maxDetail)])
	p, known := j.topics[t]
	if !known && len(j.topics) >= maxTopics {
		t.detail = ""
		p, known = j.topics[t]
	}
	switch {
	case !known:
		p = &passage{until: time.Now().Add(Interval), most: most, room: most}
		j.topics[t] = p
		if !j.closed {
			p.timer = time.AfterFunc(Interval, func() { j.end(t) })
		}
	case p.timer == nil && !time.Now().Before(p.until):
		p.until, p.room = time.Now().Add(Interval), p.most
	}
	return p
}

// end ends a topic's interval. If lines were left out, the last of them is written and the next interval begins;
// otherwise the topic is forgotten.
func (j *Journal) end(t topic) {
	j.mu.Lock()
	p := j.topics[t]
	if p == nil || p.left == 0 { // nil: Close came first
		delete(j.topics, t)
		j.mu.Unlock()
		return
	}
	line := p.sum()
	p.room = p.most - 1
	p.timer.Reset(Interval)
	j.sums.Add(1)
	defer j.sums.Done()
	j.mu.Unlock()
	_ = j.Handler().Handle(context.Background(), line)
}

// sum returns one line for all that were left out: the last of them, with the number of the others.
func (p *passage) sum() slog.Record {
	line := p.last
	if p.left > 1 {
		line.Add("suppressed", p.left-1)
	}
	p.last, p.left = slog.Record{}, 0
	return line
}

// Close writes what was left out and stops all timers. The journal can still be used, but writes only when it is
// called.
func (j *Journal) Close() {
	for _, line := range j.close() {
		_ = j.Handler().Handle(context.Background(), line)
	}
	j.sums.Wait()
}

func (j *Journal) close() (lines []slog.Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	for t, p := range j.topics {
		p.timer.Stop()
		if p.left > 0 {
			lines = append(lines, p.sum())
		}
		delete(j.topics, t)
	}
	return lines
}
