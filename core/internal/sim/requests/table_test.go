package requests

import (
	"math/rand/v2"
	"strings"
	"time"
)

// table are the variations with which seeds take turns: what is particular about a play, beside what every seed draws.
var table = []variation{
	{"as usual", func(*setting, *rand.Rand) {}},
	{"slow handlers", func(s *setting, _ *rand.Rand) {
		s.slow, s.locking = true, false // a request that waits for the lock of a slow handler is refused, rightly
		s.tabs, s.pace, s.lull = min(s.tabs, 2), 200*time.Millisecond, 15*time.Second
	}},
	{"halted instances", func(s *setting, _ *rand.Rand) {
		s.halts, s.tabs = true, s.tabs+1 // some wait for the halted instance
	}},
	{"idle sessions", func(s *setting, _ *rand.Rand) {
		s.idles, s.visitors, s.tabs, s.locking, s.held = true, s.visitors+2, 1, false, 0
	}},
	{"modes that differ", func(s *setting, rng *rand.Rand) { s.mix(rng) }},
	{"lists that differ", func(s *setting, _ *rand.Rand) { s.lists, s.nodes = true, 3 }},
	{"several of these", func(s *setting, rng *rand.Rand) {
		s.slow, s.locking, s.nodes, s.pace = true, false, 3, 100*time.Millisecond
		s.halts, s.lists = rng.IntN(3) > 0, rng.IntN(2) == 0
		if rng.IntN(2) == 0 {
			s.mix(rng)
		}
	}},
	{"damaged answers", func(s *setting, _ *rand.Rand) { s.damages, s.nodes = true, 3 }},
}

type variation struct {
	name string
	make func(s *setting, rng *rand.Rand)
}

// variationOf returns the variation whose turn a seed is, or the first one with those words in its name.
func variationOf(seed uint64, words string) variation {
	if words == "" {
		return table[seed%uint64(len(table))]
	}
	for _, v := range table {
		if strings.Contains(v.name, words) {
			return v
		}
	}
	panic("no setting has these words in its name: " + words)
}
