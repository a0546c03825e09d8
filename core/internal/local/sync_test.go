package local_test

import (
	"sync"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestSync checks that with Config.Sync a change is on the nodes before its request is answered, and that nobody sees
// it before that.
func TestSync(t *testing.T) {
	inWorld(t, 2, 0, func(w *world) {
		a := w.start(local.Config{Sync: true})
		s := a.begin("t")
		w.wantStored("t", nodeOf(s), "n", "1")
		w.all(nodetest.Slow(20 * time.Millisecond))
		done := make(chan error)
		go func() { done <- change(s, plus("n", 1)) }()
		time.Sleep(10 * time.Millisecond)
		if value(s, "n") != "1" {
			t.Error("another request sees what is not stored")
		}
		a.must(<-done)
		if value(s, "n") != "2" {
			t.Error("it is stored and not seen")
		}
		w.all(nil)
		w.wantStored("t", nodeOf(s), "n", "2")
	})
}

// TestSameChangeWaitsToo has a request change nothing, because another one has just made the same change. It must not
// be answered before that change is stored.
func TestSameChangeWaitsToo(t *testing.T) {
	inWorld(t, 1, 0, func(w *world) {
		a := w.start(local.Config{Sync: true})
		s := a.begin("t")
		w.all(nodetest.Slow(20 * time.Millisecond))
		var first sync.WaitGroup
		first.Go(func() { a.must(change(s, put("a", "1"))) })
		time.Sleep(time.Millisecond)
		a.must(change(s, put("a", "1")))
		rec := w.stored("n1", "t")
		if got, _ := rec.Get("a"); string(got) != "1" {
			t.Errorf("the second request was answered with a = %q stored", got)
		}
		first.Wait()
	})
}
