package requests

import (
	"math/rand/v2"
	"strings"
	"time"
)

// kind is what is particular about a play.
type kind struct {
	name string
	make func(s *setting, rng *rand.Rand)
}

// kinds is what the seeds take turns with.
var kinds = []kind{
	{"as usual", func(*setting, *rand.Rand) {}},
	{"slow handlers", func(s *setting, _ *rand.Rand) {
		s.slow, s.locking = true, false // whoever waits for the lock of a slow one is refused, rightly
		s.tabs, s.pace, s.lull = min(s.tabs, 2), 200*time.Millisecond, 15*time.Second
	}},
}

// kindOf answers the kind of a seed: its turn, or the first with some words in its name.
func kindOf(seed uint64, words string) kind {
	if words == "" {
		return kinds[seed%uint64(len(kinds))]
	}
	for _, k := range kinds {
		if strings.Contains(k.name, words) {
			return k
		}
	}
	panic("no kind of play has these words in its name: " + words)
}
