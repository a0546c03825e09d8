package msm

import (
	"fmt"
	"runtime"
	"strings"
)

// Update changes an attribute's value atomically, also across instances. f gets the present value, or the zero value if
// there is none, and returns the new one, which Update returns, too. If another request stores the session before this
// one does, f is called again on what that one stored. So f must only compute, and what is stored in the end may be
// newer than what Update returned. f is called while its request runs and in its goroutine, never later: in sticky mode
// the session is written before the request is answered, unless no node is available. If f uses the session or writes
// the response, Update panics. If f panics when it is called again, that is the commit's error, and nothing of the
// request is stored.
//
// A stored value that does not decode into T is not overwritten: the commit fails with an AttributeError. An error is
// kept, as with Session.Set; Update returns the zero value if f could not be called.
func Update[T any](s *Session, name string, f func(T) T) T {
	return update(s, name, f, false)
}

// update is Update. pure says that f is one of ours and refers only to values, so that it may be called when the
// request is over.
func update[T any](s *Session, name string, f func(T) T, pure bool) T {
	s.enter()
	defer s.mu.Unlock()
	var result T
	if !s.writable() || !s.validName(name) {
		return result
	}
	coder := s.coder
	compute := func(old []byte, ok bool) ([]byte, error) {
		var value T
		if ok {
			if err := coder.Unmarshal(old, &value); err != nil {
				return nil, attributeError(name, storable(value), err)
			}
		}
		result = f(value)
		data, err := coder.Marshal(storable(result))
		if err != nil {
			return nil, attributeError(name, storable(result), err)
		}
		return data, nil
	}
	c := change{kind: updateAttribute, name: name, update: compute}
	if !pure {
		c.kind, c.session = callUpdate, s
	}
	old, ok := s.attribute(name)
	var err error
	if c.value, err = c.compute(old, ok); err != nil {
		s.fail(err)
		return result
	}
	answer := result
	s.do(c)
	return answer
}

// whileUpdating runs a function of the application. isUpdating looks for its name on the stack; see enter.
//
//go:noinline
func (s *Session) whileUpdating(compute func(old []byte, ok bool) ([]byte, error), old []byte, ok bool) ([]byte, error) {
	s.updating.Store(true)
	defer s.updating.Store(false)
	return compute(old, ok)
}

// enter locks mu, in every method that applications may call. It panics if the function given to Update calls one,
// which would wait for itself.
func (s *Session) enter() {
	if s.mu.TryLock() {
		return
	}
	if s.updating.Load() && isUpdating() {
		panic(waitsForItself)
	}
	s.mu.Lock()
}

const waitsForItself = "msm: the function given to Update uses the session or writes the response, which waits for it. " +
	"Read before Update what it needs, and write after it what Update returned"

// again computes an update's value once more, from a value that the author of its function may not have expected. A
// panic becomes the change's error: the handler, with whatever recovers from its panics, may have returned, or would
// commit again with its response.
func (c change) again(old []byte, ok bool) (value []byte, err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case waitsForItself:
			panic(p)
		default:
			err = fmt.Errorf("msm: attribute %q: Update's function panicked when it was called again: %v (%s)", c.name, p, panicOrigin())
		}
	}()
	return c.compute(old, ok)
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

// isUpdating reports whether the calling goroutine is in a function given to Update.
func isUpdating() bool {
	callers := make([]uintptr, 64)
	for skip := 0; ; skip += len(callers) {
		n := runtime.Callers(skip, callers)
		for frames := runtime.CallersFrames(callers[:n]); ; {
			frame, more := frames.Next()
			if strings.HasSuffix(frame.Function, "/core.(*Session).whileUpdating") {
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
