package copies

import (
	"flag"
	"fmt"
	"hash/fnv"
	"strings"
	"testing"
	"testing/synctest"
)

var (
	oneSeed = flag.Uint64("seed", 0, "replay this seed only")
	seeds   = flag.Int("seeds", 42, "how many seeds")
	firstAt = flag.Uint64("first", 1, "the first seed")
	all     = flag.Bool("all", false, "go on after a seed that fails")
	only    = flag.String("setting", "", "with these words in its name; every seed plays in the first such setting")
)

// settingOf returns the setting in which a seed plays.
func settingOf(seed uint64) settings {
	if *only != "" {
		return named(*only)
	}
	return table[seed%uint64(len(table))]
}

// named returns the first setting with those words in its name.
func named(words string) settings {
	for _, s := range table {
		if strings.Contains(s.name, words) {
			return s
		}
	}
	panic("no setting has a name with " + words)
}

// TestSeed checks G1, G3, G4, G5, G6 and G7 for the code that keeps the copies, and of G8 that nobody is refused.
func TestSeed(t *testing.T) {
	first, count := *firstAt, *seeds
	if *oneSeed != 0 {
		first, count = *oneSeed, 1
	}
	played := map[string]*tally{}
	for seed := first; seed < first+uint64(count) && (*all || !t.Failed()); seed++ {
		s := settingOf(seed)
		if played[s.name] == nil {
			played[s.name] = &tally{}
		}
		played[s.name].add(playSeed(t, seed, s))
	}
	for name, n := range played {
		t.Logf("%s: %+v", name, *n)
		if n.Undecided > n.Seeds/20 { // the check of a few histories may end without a result
			t.Errorf("%s: %d histories of %d seeds are undecided", name, n.Undecided, n.Seeds)
		}
	}
}

// playSeed plays a seed, and fails if a guarantee is broken.
func playSeed(t *testing.T, seed uint64, s settings) tally {
	var r *run
	var violations []string
	synctest.Test(t, func(t *testing.T) {
		r = newRun(seed, s)
		if *oneSeed != 0 {
			r.logTo(t.Logf)
		}
		violations = r.play()
	})
	for _, v := range append(violations, r.checkHistories()...) {
		t.Errorf("seed %d: %s: %s\nreplay: go test ./internal/sim/copies -run 'Seed$' -setting='%s' -seed=%d -v", seed, s.name, v, s.name, seed)
	}
	return r.tally
}

// TestASeedReplaysExactly checks that a seed plays the same operations each time, in the same order and with the same
// end.
func TestASeedReplaysExactly(t *testing.T) {
	trace := func(seed uint64) (sum uint64, lines int) {
		h := fnv.New64a()
		synctest.Test(t, func(*testing.T) {
			s := table[seed]
			s.steps /= 4
			r := newRun(seed, s)
			r.logTo(func(format string, args ...any) {
				lines++
				fmt.Fprintf(h, format+"\n", args...)
			})
			r.play()
		})
		return h.Sum64(), lines
	}
	for seed := range uint64(len(table)) {
		once, lines := trace(seed)
		if twice, _ := trace(seed); once != twice || lines < 50 {
			t.Errorf("seed %d: %d operations are not the same the second time", seed, lines)
		}
	}
}

// tally counts what became of requests.
type tally struct{ Seeds, Requests, Faults, Refused, Gone, Undecided int }

func (a *tally) add(b tally) {
	a.Seeds++
	a.Requests += b.Requests
	a.Faults += b.Faults
	a.Refused += b.Refused
	a.Gone += b.Gone
	a.Undecided += b.Undecided
}
