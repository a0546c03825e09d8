package local_test

import (
	"sync"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/nodetest"
)

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
