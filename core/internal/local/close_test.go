package local_test

import (
	"context"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
)

// TestCloseStoresThatASessionWasUsed checks G2 for a session that is read just before its instance is told to end. The
// use must be stored, or the session would end sooner than its visitor may expect.
func TestCloseStoresThatASessionWasUsed(t *testing.T) {
	inWorld(t, 2, 0, func(w *world) {
		a := w.start(local.Config{})
		s := a.begin("t")
		time.Sleep(idle / 2)
		used := time.Now()
		s.Use(used)
		if left := a.Close(context.Background()); left > 0 {
			t.Errorf("%d sessions were not stored", left)
		}
		if at := w.stored(nodeOf(s), "t").LastAccess; at.Before(used.Truncate(time.Millisecond)) {
			t.Errorf("stored is that it was used %v before", used.Sub(at))
		}
	})
}
