package random_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/random"
)

func draw() (list []uint64) {
	for range 50 {
		list = append(list, random.Uint64(), uint64(random.Uint32()), uint64(random.Wait(time.Second)))
	}
	return list
}

func same(a, b []uint64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestSourcesReplay(t *testing.T) {
	t.Cleanup(func() { random.Replace(nil) })
	replay := func(seed uint64) []uint64 {
		random.Replace(&random.Sources{IDs: rand.NewPCG(seed, 1), Waits: rand.NewPCG(seed, 2)})
		return draw()
	}
	first := replay(1)
	if !same(first, replay(1)) {
		t.Error("the same sources give other numbers")
	}
	if same(first, replay(2)) {
		t.Error("other sources give the same numbers")
	}
	random.Replace(nil)
	if same(draw(), draw()) {
		t.Error("without sources numbers repeat")
	}
}

// zeros gives nothing else for a while.
type zeros struct{ left int }

func (z *zeros) Uint64() uint64 {
	if z.left--; z.left >= 0 {
		return 0
	}
	return 7<<32 + 8
}

func TestNoIDIsZero(t *testing.T) {
	t.Cleanup(func() { random.Replace(nil) })
	random.Replace(&random.Sources{IDs: &zeros{5}, Waits: &zeros{}})
	if id := random.Uint64(); id != 7<<32+8 {
		t.Errorf("Uint64 gives %d", id)
	}
	random.Replace(&random.Sources{IDs: &zeros{5}, Waits: &zeros{}})
	if id := random.Uint32(); id != 7 {
		t.Errorf("Uint32 gives %d", id)
	}
}

func TestWaitIsBounded(t *testing.T) {
	t.Cleanup(func() { random.Replace(nil) })
	for _, s := range []*random.Sources{nil, {IDs: rand.NewPCG(1, 1), Waits: rand.NewPCG(1, 2)}} {
		random.Replace(s)
		for range 1000 {
			if d := random.Wait(10); d < 0 || d >= 10 {
				t.Fatalf("waits %d", d)
			}
		}
	}
}
