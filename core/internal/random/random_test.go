package random_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/random"
)

func draw(s *random.Source) (list []uint64) {
	for range 50 {
		list = append(list, s.Uint64(), uint64(s.Uint32()), uint64(s.Wait(time.Second)))
	}
	return list
}

// TestSourcesReplay: what an actor draws depends on the seed and on its name, and on nothing that others draw.
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
