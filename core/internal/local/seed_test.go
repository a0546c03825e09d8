package local_test

import (
	"cmp"
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/random"
	"github.com/gomsm/msm/core/internal/sim/replay"
)

var (
	seeds   = flag.Int("seeds", 0, "how many seeds are played in each setting; 0: a few")
	oneSeed = flag.Int("seed", -1, "the one seed that TestRandom plays, with what happens")
)

// settings are the environments in which seeds are played.
var settings = map[string]struct {
	servers, backups int
	sync             bool
}{
	"async, two nodes":               {2, 0, false},
	"sync, two nodes":                {2, 0, true},
	"async, three nodes, one backup": {3, 1, false},
	"sync, three nodes, one backup":  {3, 1, true},
	"sync, one node":                 {1, 0, true},
}

// play plays a seed in a setting. It writes what happens into a trace, unless into is nil.
func play(t *testing.T, setting string, seed int, into *trace) {
	c := settings[setting]
	inWorld(t, c.servers, c.backups, func(w *world) {
		w.random = random.NewSource(uint64(seed), "play")
		d := &drama{
			world: w, rng: rand.New(rand.NewPCG(uint64(seed), 0)), pauses: w.random.Of("visitor"), config: local.Config{Sync: c.sync},
			instances: map[string]*instance{}, trace: into,
		}
		w.pace = d.way
		d.play()
		into.end()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	})
}

// TestRandom looks for a play, with one fault at a time, in which an acknowledged count is lost or doubled, or a
// session comes back after its logout. To play a seed that fails once more, exactly as it was, and with what happens,
// use -run of its setting and -seed N.
func TestRandom(t *testing.T) {
	for name := range settings {
		t.Run(name, func(t *testing.T) {
			if *oneSeed >= 0 {
				into := &trace{}
				defer func() { t.Log("\n" + into.String()) }()
				play(t, name, *oneSeed, into)
				return
			}
			for seed := range cmp.Or(*seeds, 5) {
				play(t, name, seed, nil)
			}
		})
	}
}

// TestRandomReplays checks that a seed is the same play each time, to the nanosecond and the operation.
func TestRandomReplays(t *testing.T) {
	for name := range settings {
		t.Run(name, func(t *testing.T) {
			for seed := range cmp.Or(*seeds, 1) {
				var one, other trace
				play(t, name, seed, &one)
				play(t, name, seed, &other)
				lines := one.lines()
				if len(lines) < 100 {
					t.Fatalf("seed %d: only %d lines", seed, len(lines))
				}
				if what := replay.Difference(lines, other.lines()); what != "" {
					t.Fatalf("seed %d: %s", seed, what)
				}
			}
		})
	}
}
