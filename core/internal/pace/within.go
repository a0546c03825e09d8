package pace

import (
	"context"
	"math"
	"time"
)

// parts is in how many parts the time of Within passes.
const parts = 20

// Within returns a context that also ends after the time d, with that cause. If this process stands still, so does what
// the caller waits for: that takes one part of d, however long it is. The caller must call stop.
func Within(ctx context.Context, d time.Duration, cause error) (within context.Context, stop context.CancelFunc) {
	within, end := context.WithCancelCause(ctx)
	passed := 0
	var part *time.Timer
	part = time.AfterFunc(math.MaxInt64, func() {
		if passed++; passed == parts {
			end(cause)
		}
		if within.Err() == nil {
			part.Reset(d / parts)
		}
	})
	part.Reset(d / parts)
	return within, func() {
		end(nil)
		part.Stop()
	}
}
