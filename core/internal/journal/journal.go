// Package journal is the log: it tells an operator at once what has happened, and floods nobody who has to read it. A fault
// that every request meets is one line, and then one every ten seconds with the number of those that were left out.
package journal

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Interval is how often what happens again and again is told.
const Interval = 10 * time.Second

const (
	// stateLines are those of one thing's state in an interval: it may go and come back twice before that is summed up.
	stateLines = 4
	maxTopics  = 256 // told apart at a time; attributes' names may come from visitors
	maxDetail  = 256 // bytes of a detail that tell topics apart
)

// Journal writes lines. What comes seldom by itself is written by its Logger. It is safe for concurrent use.
type Journal struct {
	*slog.Logger

	mu     sync.Mutex
	topics map[topic]*passage
	closed bool
	sums   sync.WaitGroup // lines that the end of an interval writes
}

// topic is what lines are about that are counted together.
type topic struct{ about, detail string }

// passage is what a topic's lines have come to in its present interval.
type passage struct {
	until time.Time
	most  int         // lines in an interval
	room  int         // of them, those still to come
	left  int         // lines left out since the last one that was written
	last  slog.Record // of those
	timer *time.Timer // nil: the journal is closed
}

// New makes a journal that writes to a logger. It has to be closed.
func New(to *slog.Logger) *Journal {
	return &Journal{Logger: to, topics: make(map[topic]*passage)}
}

// Silent makes a journal that writes nothing.
func Silent() *Journal { return New(slog.New(slog.DiscardHandler)) }

// Event tells what may happen with every request: once in an interval for each message and detail, such as the cause. The
// number of those that were left out since is under "suppressed".
func (j *Journal) Event(ctx context.Context, level slog.Level, message, detail string, args ...any) {
	j.tell(ctx, topic{message, detail}, 1, level, message, args)
}

// State tells what state something is in now, such as a node. If it changes more often than four times in an interval, the
// last change is told when that ends, with the number of those in between.
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

// passes reports whether a line is to be written now, and adds to it what was left out.
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

// passage answers the topic's, which it begins if need be. Guarded by mu.
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

// end ends a topic's interval: the last line of those that were left out begins the next one. A topic about which nothing
// was left out is forgotten.
func (j *Journal) end(t topic) {
	j.mu.Lock()
	p := j.topics[t]
	if p == nil || p.left == 0 { // nil: Close was faster
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

// sum is one line for all that were left out: the last of them, with the number of the others.
func (p *passage) sum() slog.Record {
	line := p.last
	if p.left > 1 {
		line.Add("suppressed", p.left-1)
	}
	p.last, p.left = slog.Record{}, 0
	return line
}

// Close tells what was left out, and has nothing follow later by itself.
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
