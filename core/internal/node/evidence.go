package node

import (
	"errors"

	"github.com/gomsm/msm/core/internal/memcache"
)

// evidence is what the outcome of an operation says about its node.
type evidence int

const (
	nothing evidence = iota // it answers, or the outcome has another cause
	timeout                 // it may be to blame, or this process: only a probe can tell
	failure                 // it has failed
)

// classify returns what an operation's error says about the node (rules N2, N3 and N4).
func classify(err error) evidence {
	switch {
	case errors.Is(err, memcache.ErrLate):
		return timeout
	case memcache.IsReply(err), errors.Is(err, memcache.ErrCancelled): // the failure that cancelled it has been seen
		return nothing
	case memcache.TimedOut(err):
		return timeout
	}
	return failure
}

// probeFailed reports whether a probe's error is a failure of the node. Unlike an operation, a probe that times out is
// one. A lost race with another instance is none.
func probeFailed(err error) bool { return !memcache.IsReply(err) && !errors.Is(err, errFailed) }

// OutOfTime reports whether an error may have another cause than the node: this process did not run, or the failure of
// another operation ended this one.
func OutOfTime(err error) bool {
	return memcache.TimedOut(err) || errors.Is(err, memcache.ErrLate) || errors.Is(err, memcache.ErrCancelled)
}
