package random_test

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/random"
)

func draw(s *random.Source) (list []uint64) {
	for range 50 {
		list = append(list, s.Uint64(), uint64(s.Uint32()), uint64(s.Wait(time.Second)))
	}
	return list
}

// TestSourcesReplay checks that what an actor draws depends on the seed and its name only, and not on what others draw.
func TestSourcesReplay(t *testing.T) {
	first := draw(random.NewSource(1, "prober"))
	parent := random.NewSource(7, "instance")
	child := draw(parent.Of("prober"))
	draw(parent)
	for name, c := range map[string]struct {
		source *random.Source
		same   bool
		as     []uint64
	}{
		"the same seed and name": {random.NewSource(1, "prober"), true, first},
		"another seed":           {random.NewSource(2, "prober"), false, first},
		"another name":           {random.NewSource(1, "worker"), false, first},
		"an actor within another that has drawn since": {parent.Of("prober"), true, child},
		"another actor within it":                      {parent.Of("worker"), false, child},
		"the runtime":                                  {nil, false, draw(nil)},
		"an actor within what draws from the runtime":  {(*random.Source)(nil).Of("prober"), false, first},
	} {
		if got := slices.Equal(draw(c.source), c.as); got != c.same {
			t.Errorf("%s: the same numbers: %v", name, got)
		}
	}
}

func TestReplace(t *testing.T) {
	if random.Default() != nil {
		t.Error("without a simulation there is a source")
	}
	s := random.NewSource(1, "")
	random.Replace(s)
	defer random.Replace(nil)
	if random.Default() != s {
		t.Error("the default is not what replaced it")
	}
}

func TestBounds(t *testing.T) {
	for name, s := range map[string]*random.Source{"the runtime": nil, "a source": random.NewSource(1, "")} {
		for range 1000 {
			if d := s.Wait(10); d < 0 || d >= 10 {
				t.Fatalf("%s waits %d", name, d)
			}
			if s.Uint64() == 0 || s.Uint32() == 0 {
				t.Fatalf("%s gives an id that is 0", name)
			}
		}
	}
}

// TestPause checks that pauses that begin at the same moment end at moments that depend on the actor, and replay
// exactly.
func TestPause(t *testing.T) {
	play := func() map[string]time.Duration {
		ends := make(map[string]time.Duration)
		synctest.Test(t, func(*testing.T) {
			var mu sync.Mutex
			var all sync.WaitGroup
			began, s := time.Now(), random.NewSource(1, "instance")
			for _, who := range []string{"", "a", "b", "c"} {
				all.Go(func() {
					s.Pause(s.As(t.Context(), who))
					mu.Lock()
					defer mu.Unlock()
					ends[who] = time.Since(began)
				})
			}
			all.Wait()
		})
		return ends
	}
	first := play()
	if again := play(); !maps.Equal(first, again) {
		t.Errorf("%v, and then %v", first, again)
	}
	if moments := slices.Sorted(maps.Values(first)); len(slices.Compact(moments)) != 4 || moments[0] <= 0 {
		t.Errorf("those that pause at one moment go on at %v", first)
	}
}

// TestNoPauseWithoutASimulation checks that a nil source costs nothing.
func TestNoPauseWithoutASimulation(t *testing.T) {
	var none *random.Source
	if n := testing.AllocsPerRun(100, func() { none.Pause(none.As(t.Context(), "who", "what")) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if none.As(t.Context(), "who") != t.Context() {
		t.Error("the context is another one")
	}
}

func TestRead(t *testing.T) {
	a, b := make([]byte, 64), make([]byte, 64)
	for _, p := range [][]byte{a, b} {
		if n, err := random.NewSource(3, "ids").Read(p); n != len(p) || err != nil {
			t.Fatal(n, err)
		}
	}
	if !slices.Equal(a, b) || slices.Equal(a, make([]byte, 64)) {
		t.Errorf("the same source reads %x and %x", a, b)
	}
}
