package requests

import (
	"crypto/rand"
	"flag"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/random"
)

var (
	oneSeed   = flag.Uint64("seed", 0, "replay this seed only")
	seeds     = flag.Int("seeds", 8, "how many seeds")
	inSetting = flag.String("setting", "", "play all seeds in the first setting with these words in its name")
	firstAt   = flag.Uint64("first", 1, "the first seed")
)

// playSeed plays a seed in a bubble of its own. Chance is the seed's as well: session ids come from the system's source
// of random numbers, which is replaced here, and everything else from a source that each actor has for itself.
func playSeed(t *testing.T, seed uint64) (w *world) {
	system := rand.Reader
	rand.Reader = random.NewSource(seed, "session ids")
	defer func() {
		rand.Reader = system
		random.Replace(nil)
	}()
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(seed, drawSetting(seed, variationOf(seed, *inSetting)))
		w.play()
		if *oneSeed != 0 {
			t.Logf("seed %d: %s\n%s", seed, w.set, strings.Join(w.trace(), "\n"))
		}
		if len(w.wrong) > 0 { // told in the bubble, which crashes if a goroutine never ends
			t.Errorf("seed %d (%s): %s (and %d more)", seed, w.set, w.wrong[0], len(w.wrong)-1)
		}
		synctest.Wait()
	})
	return w
}

// TestSeed looks for a play in which a promise is broken. To play a seed that fails once more, with all that happens,
// use -seed N -v.
func TestSeed(t *testing.T) {
	first, count := *firstAt, *seeds
	if *oneSeed != 0 {
		first, count = *oneSeed, 1
	}
	requests, refused, excused := 0, 0, map[string]int{}
	var stalest, slowest time.Duration
	for seed := first; seed < first+uint64(count); seed++ {
		w := playSeed(t, seed)
		requests, refused = requests+w.requests, refused+w.refused
		stalest, slowest = max(stalest, w.stalest), max(slowest, w.slowest)
		for why, n := range w.excused {
			excused[why] += n
		}
	}
	t.Logf("%d seeds, %d requests, %d refused; excused: %v; the slowest took %v, the stalest old cookie led %v back",
		count, requests, refused, excused, slowest, stalest)
}
