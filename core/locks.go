package msm

import (
	"regexp"
	"sync/atomic"

	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/replica"
)

// locks are the locks of sessions, and which requests need them. It is safe for concurrent use.
type locks struct {
	*lock.Locks
	mode    Locking
	uri     *regexp.Regexp // with lockURI
	routes  *lock.Routes   // what LockAuto has learned; nil in other modes
	skipped atomic.Uint64
}

func newLocks(store *replica.Store, c *Config) *locks {
	l := &locks{Locks: lock.New(store, c.LockWait, c.LockExpiry)}
	l.mode, l.uri, _ = c.Locking.parse() // without an error: New has checked it
	if l.mode == LockAuto {
		l.routes = lock.NewRoutes()
	}
	return l
}

// wants reports whether a request needs the lock before its handler runs.
func (l *locks) wants(path string, at lock.Route) bool {
	switch l.mode {
	case LockAll:
		return true
	case lockURI:
		return l.uri.MatchString(path)
	case LockAuto:
		if !l.routes.OnlyRead(at) {
			return true
		}
		l.skipped.Add(1)
	}
	return false
}

// stats returns nil if no request is ever locked.
func (l *locks) stats() *LockStats {
	if l.mode == LockNone {
		return nil
	}
	c := l.Counts()
	s := &LockStats{Taken: c.Taken, Passed: c.Passed, Refused: c.Refused, Busy: c.Busy, Lost: c.Lost, Skipped: l.skipped.Load()}
	if l.routes != nil {
		s.ReadOnly = l.routes.List()
	}
	return s
}
