package msm

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
)

// updating says that a function given to Update is running.
type updating struct{ atomic.Bool }

// while runs a function of the application. isUpdating looks for its name on the stack.
//
//go:noinline
func (u *updating) while(compute func(old []byte, ok bool) ([]byte, error), old []byte, ok bool) ([]byte, error) {
	u.Store(true)
	defer u.Store(false)
	return compute(old, ok)
}

const waitsForItself = "msm: the function given to Update uses the session or writes the response, which waits for it. " +
	"Read before Update what it needs, and write after it what Update returned"

// isUpdating reports whether the calling goroutine is in a function given to Update.
func isUpdating() bool {
	callers := make([]uintptr, 64)
	for skip := 0; ; skip += len(callers) {
		n := runtime.Callers(skip, callers)
		for frames := runtime.CallersFrames(callers[:n]); ; {
			frame, more := frames.Next()
			if strings.HasSuffix(frame.Function, "/core.(*updating).while") {
				return true
			}
			if !more {
				break
			}
		}
		if n < len(callers) {
			return false
		}
	}
}

// panicOrigin returns the file and line that panicked. It must be called by the deferred function that has recovered.
func panicOrigin() string {
	const above = 3 // skipped: runtime.Callers, this function, the deferred one
	callers := make([]uintptr, 16)
	frames := runtime.CallersFrames(callers[:runtime.Callers(above, callers)])
	for {
		frame, more := frames.Next()
		if !more || !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", frame.File, frame.Line)
		}
	}
}
