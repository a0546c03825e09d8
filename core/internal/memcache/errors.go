package memcache

import (
	"context"
	"errors"
	"io"
	"syscall"

	gomemcache "github.com/bradfitz/gomemcache/memcache"
)

// Replies of a server other than success. The operation was not done, and the server is well.
var (
	ErrMiss     = errors.New("no such key")
	ErrExists   = errors.New("key exists")                        // from Add
	ErrConflict = errors.New("value has changed since")           // from CompareAndSwap
	ErrTooLarge = errors.New("value too large for the node")      // the old value stays
	ErrFull     = errors.New("the node has no memory for it")     // it does not evict (memcached -M); the old value stays
	ErrRefused  = errors.New("the node refuses to do it")         // another SERVER_ERROR
	ErrNoList   = errors.New("the server does not list its keys") // from Keys: too old, or its crawler or dumps are off
	ErrCrawling = errors.New("the server's crawler is at work")   // from Keys: it will list them a moment later
)

// Failures that say nothing about the server. After ErrLate, ErrCancelled, and any error that is not listed here, it is
// unknown whether a write was done.
var (
	// ErrBusy is also the answer of a server that accepts no more connections.
	ErrBusy      = errors.New("no connection became free in time") // nothing was done
	ErrLate      = errors.New("this process did not run in time")
	ErrCancelled = errors.New("another operation on the node failed while this one waited") // see Client.CancelAll
	errKey       = errors.New("a key must have 1 to 250 bytes, none of them blank or control")
)

// IsReply reports whether an error is one of those that mean no trouble with the server: its reply, or that it was not
// asked, or not in time.
func IsReply(err error) bool {
	return repliedWith(err) || errors.Is(err, ErrBusy) || errors.Is(err, ErrLate) || errors.Is(err, errKey)
}

// repliedWith reports whether an error is a reply of the server.
func repliedWith(err error) bool {
	for _, reply := range []error{ErrMiss, ErrExists, ErrConflict, ErrTooLarge, ErrFull, ErrRefused} {
		if errors.Is(err, reply) {
			return true
		}
	}
	return false
}

// TimedOut reports whether an operation ran out of time.
func TimedOut(err error) bool {
	var timed interface{ Timeout() bool }
	var dial *gomemcache.ConnectTimeoutError
	return errors.As(err, &timed) && timed.Timeout() || errors.As(err, &dial)
}

// hungUp reports whether the other side has closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// ctxFirst returns the context's error in place of err if the caller's time is up, since that is then the cause.
func ctxFirst(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
