package msm

import (
	"regexp"

	"github.com/gomsm/msm/core/internal/counter"
	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/replica"
)

// locks are the locks of sessions, and which requests need them. It is safe for concurrent use.
type locks struct {
	*lock.Locks
	mode    Locking
	uri     *regexp.Regexp // with lockURI
	routes  *lock.Routes   // what LockAuto has learned; nil in other modes
	skipped counter.Counter
}

func newLocks(store *replica.Store, c *Config) *locks {
	nodes := lock.Nodes{Cluster: store.Cluster, KeyPrefix: store.KeyPrefix, Patience: store.Patience, Random: store.Random}
	l := &locks{Locks: lock.New(nodes, c.LockWait, c.LockExpiry)}
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
	s := &LockStats{Skipped: l.skipped.Load()}
	counter.Read(&l.Counters, s)
	if l.routes != nil {
		s.ReadOnly = l.routes.List()
	}
	return s
}
