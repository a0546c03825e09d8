package requests

import (
	"flag"
	"fmt"
	"strings"
	"testing"
)

var replays = flag.Int("replays", 4, "how many seeds are played twice")

// TestSeedsReplay: a seed that fails can be looked at. Whatever else the machine does, a seed is the same play each time,
// to the last command and the nanosecond.
func TestSeedsReplay(t *testing.T) {
	for seed := *firstAt; seed < *firstAt+uint64(*replays); seed++ {
		if diff := difference(playSeed(t, seed).trace(), playSeed(t, seed).trace()); diff != "" {
			t.Errorf("seed %d: %s", seed, diff)
		}
	}
}

// difference says where two traces differ; empty: nowhere.
func difference(first, again []string) string {
	for i := range min(len(first), len(again)) {
		if first[i] != again[i] {
			before := strings.Join(first[max(0, i-5):i], "\n")
			return fmt.Sprintf("line %d is not the same again, after\n%s\n\n%s\n%s", i, before, first[i], again[i])
		}
	}
	if len(first) != len(again) {
		return fmt.Sprintf("%d lines, and then %d", len(first), len(again))
	}
	return ""
}
