package msm

import (
	"fmt"
	"regexp"
	"strings"
)

// Locking says which requests of a session wait for each other, over all instances. Without it they run side by side, and
// lose no update either: see Session. The names are those of memcached-session-manager.
type Locking string

// The modes of locking; LockURI makes another one.
const (
	LockNone Locking = "none" // no request
	LockAll  Locking = "all"  // every request that comes with a session
	LockAuto Locking = "auto" // as LockAll, but for those on routes that are known to only read
	LockApp  Locking = "app"  // those that call Session.Lock
)

const lockURI = "uri:"

// LockURI locks for requests whose URL path the pattern matches, as Config.Ignore does.
func LockURI(pattern *regexp.Regexp) Locking { return Locking(lockURI + pattern.String()) }

// parse answers the mode, and the pattern of LockURI.
func (l Locking) parse() (mode Locking, uri *regexp.Regexp, err error) {
	switch l {
	case "", LockNone:
		return LockNone, nil, nil
	case LockAll, LockAuto, LockApp:
		return l, nil, nil
	}
	pattern, ok := strings.CutPrefix(string(l), lockURI)
	if !ok || pattern == "" {
		return "", nil, fmt.Errorf("%q must be none, all, auto, app or uri: with a regular expression", string(l))
	}
	if uri, err = regexp.Compile(pattern); err != nil {
		return "", nil, fmt.Errorf("%q: %w", string(l), err)
	}
	return lockURI, uri, nil
}
