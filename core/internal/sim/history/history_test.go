package history_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gomsm/msm/core/internal/sim/history"
)

// TestCheck checks that Check refuses what is impossible, and nothing else.
func TestCheck(t *testing.T) {
	gone := history.Output{Gone: true}
	count := func(n int) history.Output { return history.Output{Count: n} }
	text := func(n int, s string) history.Output { return history.Output{Count: n, Text: s} }
	in := func(k history.Kind) history.Input { return history.Input{Kind: k} }
	for name, c := range map[string]struct {
		play func(l *history.Log)
		bad  bool
	}{
		"nothing": {func(*history.Log) {}, false},
		"one after the other": {func(l *history.Log) {
			do(l, in(history.Add), count(1))
			do(l, in(history.Read), count(1))
			do(l, in(history.Add), count(2))
		}, false},
		"a lost update": {func(l *history.Log) {
			do(l, in(history.Add), count(1))
			do(l, in(history.Add), count(1))
		}, true},
		"a lost update of two at once": {func(l *history.Log) {
			a, b := l.Begin(1, in(history.Add)), l.Begin(2, in(history.Add))
			a.End(count(1))
			b.End(count(1))
		}, true},
		"two at once": {func(l *history.Log) {
			a, b := l.Begin(1, in(history.Add)), l.Begin(2, in(history.Add))
			a.End(count(2))
			b.End(count(1))
		}, false},
		"a doubled update": {func(l *history.Log) {
			do(l, in(history.Add), count(1))
			do(l, in(history.Read), count(2))
		}, true},
		"a stale read": {func(l *history.Log) {
			do(l, in(history.Add), count(1))
			do(l, in(history.Read), count(0))
		}, true},
		"a read that runs meanwhile": {func(l *history.Log) {
			read := l.Begin(1, in(history.Read))
			do(l, in(history.Add), count(1))
			read.End(count(0))
		}, false},
		"reads that see the value come and go": {func(l *history.Log) {
			add := l.Begin(1, in(history.Add))
			do(l, in(history.Read), count(1))
			do(l, in(history.Read), count(0))
			add.End(count(1))
		}, true},
		"an update that failed, and happened": {func(l *history.Log) {
			l.Begin(1, in(history.Add))
			do(l, in(history.Read), count(1))
		}, false},
		"an update that failed, and did not happen": {func(l *history.Log) {
			l.Begin(1, in(history.Add))
			do(l, in(history.Read), count(0))
		}, false},
		"an update that failed, and happened late": {func(l *history.Log) {
			l.Begin(1, in(history.Add))
			do(l, in(history.Read), count(0))
			do(l, in(history.Add), count(2))
		}, false},
		"an update that failed, and happened twice": {func(l *history.Log) {
			l.Begin(1, in(history.Add))
			do(l, in(history.Read), count(1))
			do(l, in(history.Read), count(2))
		}, true},
		"an update that failed, happened, and was undone": {func(l *history.Log) {
			l.Begin(1, in(history.Add))
			do(l, in(history.Read), count(1))
			do(l, in(history.Read), count(0))
		}, true},
		"a value that nobody has written": {func(l *history.Log) {
			do(l, history.Input{Kind: history.Set, Text: "a"}, count(0))
			do(l, in(history.Read), text(0, "b"))
		}, true},
		"the later of two values": {func(l *history.Log) {
			do(l, history.Input{Kind: history.Set, Text: "a"}, count(0))
			do(l, history.Input{Kind: history.Set, Text: "b"}, count(0))
			do(l, in(history.Read), text(0, "b"))
		}, false},
		"a value of before a removal": {func(l *history.Log) {
			do(l, history.Input{Kind: history.Set, Text: "a"}, count(0))
			do(l, in(history.Delete), count(0))
			do(l, in(history.Read), text(0, "a"))
		}, true},
		"popped once": {func(l *history.Log) {
			do(l, history.Input{Kind: history.Set, Text: "a"}, count(0))
			a, b := l.Begin(1, in(history.Pop)), l.Begin(2, in(history.Pop))
			a.End(text(0, ""))
			b.End(text(0, "a"))
		}, false},
		"popped twice": {func(l *history.Log) {
			do(l, history.Input{Kind: history.Set, Text: "a"}, count(0))
			a, b := l.Begin(1, in(history.Pop)), l.Begin(2, in(history.Pop))
			a.End(text(0, "a"))
			b.End(text(0, "a"))
		}, true},
		"an update that maybe happened, and did": {func(l *history.Log) {
			do(l, in(history.Add), history.Output{Maybe: true})
			do(l, in(history.Read), count(1))
		}, false},
		"an update that maybe happened, and did not": {func(l *history.Log) {
			do(l, in(history.Add), history.Output{Maybe: true})
			do(l, in(history.Read), count(0))
		}, false},
		"an update that maybe happened, and did so late": {func(l *history.Log) {
			do(l, in(history.Add), history.Output{Maybe: true})
			do(l, in(history.Read), count(0))
			do(l, in(history.Read), count(1))
		}, true},
		"logged out": {func(l *history.Log) {
			do(l, in(history.Destroy), count(0))
			do(l, in(history.Read), gone)
			do(l, in(history.Add), gone)
			do(l, in(history.Destroy), gone)
			do(l, in(history.Destroy), count(0))
		}, false},
		"back after a logout": {func(l *history.Log) {
			do(l, in(history.Destroy), count(0))
			do(l, in(history.Read), count(0))
		}, true},
		"back after a logout whose outcome nobody knew": {func(l *history.Log) {
			l.Begin(1, in(history.Destroy))
			do(l, in(history.Read), gone)
			do(l, in(history.Read), count(0))
		}, true},
		"a logout that failed": {func(l *history.Log) {
			l.Begin(1, in(history.Destroy))
			do(l, in(history.Read), count(0))
		}, false},
		"lost": {func(l *history.Log) {
			do(l, in(history.Read), gone)
		}, true},
		"renewed": {func(l *history.Log) {
			do(l, in(history.Add), count(1))
			do(l, in(history.Renew), count(1))
			do(l, history.Input{Kind: history.Add, ID: 1}, count(2))
			do(l, in(history.Read), gone)
		}, false},
		"renewed, and the old id lives": {func(l *history.Log) {
			do(l, in(history.Renew), count(0))
			do(l, in(history.Read), count(0))
		}, true},
		"renewed, and an update is lost": {func(l *history.Log) {
			renew := l.Begin(1, in(history.Renew))
			do(l, in(history.Add), count(1))
			renew.End(count(0))
			do(l, history.Input{Kind: history.Read, ID: 1}, count(0))
		}, true},
		"renewed, and an update that was refused came along": {func(l *history.Log) {
			renew, add := l.Begin(1, in(history.Renew)), l.Begin(2, in(history.Add))
			renew.End(count(0))
			add.End(gone)
			do(l, history.Input{Kind: history.Read, ID: 1}, count(1))
		}, false},
		"an update that was refused, and happens later": {func(l *history.Log) {
			do(l, in(history.Add), gone)
			do(l, in(history.Read), count(0))
		}, true},
		"a call that was promised nothing": {func(l *history.Log) {
			do(l, in(history.Add), count(1))
			c := l.Begin(1, in(history.Read))
			c.End(count(0))
			c.Drop()
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := history.New(history.Output{})
			c.play(l)
			if err := l.Check(history.Steps); (err != nil) != c.bad {
				t.Error(err)
			}
		})
	}
}

func do(l *history.Log, in history.Input, out history.Output) { l.Begin(0, in).End(out) }

// TestCheckTellsWhere checks that the error ends with the impossible answer.
func TestCheckTellsWhere(t *testing.T) {
	l := history.New(history.Output{})
	for i := range 20 {
		n := i + 1
		if i >= 10 {
			n-- // one is lost
		}
		do(l, history.Input{Kind: history.Add}, history.Output{Count: n})
	}
	err := fmt.Sprint(l.Check(history.Steps))
	if lines := strings.Split(err, "\n"); len(lines) != 12 || !strings.HasSuffix(lines[11], `add  -> 10 ""`) {
		t.Error(err)
	}
}

// TestManyFailuresAreDecided has many calls whose outcome is unknown, so that each may have happened at any time.
func TestManyFailuresAreDecided(t *testing.T) {
	l := history.New(history.Output{})
	n := 0
	for i := range 200 {
		switch {
		case i%10 == 9:
			l.Begin(i, history.Input{Kind: history.Add}) // every second one happens
			n += i / 10 % 2
		case i%3 == 0:
			n++
			do(l, history.Input{Kind: history.Add}, history.Output{Count: n})
		default:
			do(l, history.Input{Kind: history.Read}, history.Output{Count: n})
		}
	}
	if err := l.Check(history.Steps); err != nil {
		t.Error(err)
	}
	if err := l.Check(100); !errors.Is(err, history.ErrUndecided) {
		t.Errorf("in a hundred steps: %v", err)
	}
}

// TestFailuresAfterALogoutAreDecided has one call that is answered late. While it waits, thirty calls come that may
// have happened. They have more orders than can be tried, and none matters. (Seed 9436 of the simulation of copies.)
func TestFailuresAfterALogoutAreDecided(t *testing.T) {
	l := history.New(history.Output{})
	late := l.Begin(0, history.Input{Kind: history.Add})
	do(l, history.Input{Kind: history.Destroy}, history.Output{})
	var failed []*history.Call
	for i := range 30 {
		failed = append(failed, l.Begin(i+1, history.Input{Kind: history.Add}))
	}
	late.End(history.Output{Count: 1})
	for _, c := range failed {
		c.End(history.Output{Maybe: true})
	}
	if err := l.Check(history.Steps); err != nil {
		t.Error(err)
	}
}
