package requests

import (
	"flag"
	"testing"

	"github.com/gomsm/msm/core/internal/sim/replay"
)

var replays = flag.Int("replays", 2, "how many seeds are played twice")

// TestSeedsReplay checks that a seed is the same play each time, to the last command and the nanosecond, whatever else
// the machine does. So a seed that fails can be looked at.
func TestSeedsReplay(t *testing.T) {
	for seed := *firstAt; seed < *firstAt+uint64(*replays); seed++ {
		if diff := replay.Difference(playSeed(t, seed).trace(), playSeed(t, seed).trace()); diff != "" {
			t.Errorf("seed %d: %s", seed, diff)
		}
	}
}
