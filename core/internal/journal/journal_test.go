package journal_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
)

// log collects what a journal writes.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// lines returns the lines written since the last call, without time and level.
func (l *log) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.TrimSuffix(l.text.String(), "\n")
	l.text.Reset()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func newJournal(level slog.Level) (*journal.Journal, *log) {
	l := &log{}
	options := slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}}
	return journal.New(slog.New(slog.NewTextHandler(l, &options))), l
}

type play struct {
	*journal.Journal
	*log
	t *testing.T
}

func (p play) event(detail string, n int) {
	p.Event(context.Background(), slog.LevelWarn, "refused", detail, "cause", detail, "n", n)
}

func (p play) state(thing, state string) {
	p.State(context.Background(), slog.LevelWarn, thing, state, "thing", thing)
}

func (p play) want(want ...string) {
	p.t.Helper()
	synctest.Wait()
	if got := p.lines(); !slices.Equal(got, want) {
		p.t.Errorf("written:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAJournal(t *testing.T) {
	for name, test := range map[string]func(p play){
		"the first event is told at once, the others once in an interval, with how many were left out": func(p play) {
			for n := range 1000 {
				p.event("a", n)
			}
			p.want("msg=refused cause=a n=0")
			time.Sleep(journal.Interval - 1)
			p.want()
			time.Sleep(time.Nanosecond)
			p.want("msg=refused cause=a n=999 suppressed=998")
			p.event("a", 1000)
			p.want()
			time.Sleep(journal.Interval)
			p.want("msg=refused cause=a n=1000")
		},
		"what happens seldom is told at once each time": func(p play) {
			for n := range 3 {
				p.event("a", n)
				p.want(fmt.Sprint("msg=refused cause=a n=", n))
				time.Sleep(journal.Interval)
				p.want()
			}
		},
		"one cause hides no other": func(p play) {
			p.event("a", 0)
			p.event("b", 0)
			p.event("a", 1)
			p.want("msg=refused cause=a n=0", "msg=refused cause=b n=0")
		},
		"a state may go and come back twice, and then its last change comes late": func(p play) {
			for range 3 {
				p.state("n1", "down")
				p.state("n1", "up")
			}
			p.state("n1", "down")
			p.state("n2", "up")
			p.want("msg=down thing=n1", "msg=up thing=n1", "msg=down thing=n1", "msg=up thing=n1", "msg=up thing=n2")
			time.Sleep(journal.Interval)
			p.want("msg=down thing=n1 suppressed=2")
			p.state("n1", "up")
			p.want("msg=up thing=n1")
		},
		"closing tells what was left out, and nothing comes after it by itself": func(p play) {
			for n := range 3 {
				p.event("a", n)
			}
			p.want("msg=refused cause=a n=0")
			p.Close()
			p.want("msg=refused cause=a n=2 suppressed=1")
			for n := range 3 {
				p.event("a", n)
			}
			p.want("msg=refused cause=a n=0")
			time.Sleep(journal.Interval)
			p.want()
			p.event("a", 3)
			p.want("msg=refused cause=a n=3 suppressed=2")
		},
		"many details are counted together": func(p play) {
			for n := range 10_000 {
				p.event(strings.Repeat("x", n%1000)+fmt.Sprint(n), n)
			}
			synctest.Wait()
			if n := len(p.lines()); n > 300 {
				p.t.Errorf("%d lines", n)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, l := newJournal(slog.LevelInfo)
				defer j.Close()
				test(play{j, l, t})
			})
		})
	}
}

func TestAJournalOfManyWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, l := newJournal(slog.LevelInfo)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for n := range 100 {
					play{j, l, t}.event("a", n)
					time.Sleep(time.Second)
				}
			})
		}
		all.Wait()
		j.Close()
		written, left := 0, 0
		for _, line := range l.lines() {
			written++
			if _, count, some := strings.Cut(line, "suppressed="); some {
				n := 0
				fmt.Sscan(count, &n)
				left += n
			}
		}
		if written+left != 800 || written > 12 {
			t.Errorf("%d lines written, %d left out", written, left)
		}
	})
}

func TestWhatTheLoggerDoesNotWantIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, l := newJournal(slog.LevelError)
		p := play{j, l, t}
		p.event("a", 0)
		p.event("a", 1)
		time.Sleep(journal.Interval)
		p.want()
	})
}

func TestALineNamesItsSource(t *testing.T) {
	l := &log{}
	j := journal.New(slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{AddSource: true})))
	defer j.Close()
	j.Event(t.Context(), slog.LevelWarn, "refused", "a")
	j.State(t.Context(), slog.LevelWarn, "n1", "down")
	for _, line := range l.lines() {
		if !strings.Contains(line, "journal_test.go") {
			t.Error(line)
		}
	}
}
