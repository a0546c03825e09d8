package msm

import (
	"fmt"
	"regexp"
	"strings"
)

// Locking says which requests of a session wait for each other, across all instances. The empty value is LockNone.
// Without locks requests run in parallel and lose no change either: see Update. The names are those of
// memcached-session-manager.
type Locking string

// The modes of locking. LockURI makes another one.
const (
	LockNone Locking = "none" // no requests
	LockAll  Locking = "all"  // all requests that come with a session
	LockAuto Locking = "auto" // as LockAll, except on routes that were seen only to read
	LockApp  Locking = "app"  // requests that call Session.Lock
)

// lockURI begins a mode that LockURI makes, and stands for it in locks.mode.
const lockURI = "uri:"

// LockURI returns the mode in which requests wait if their URL path matches the pattern, as with Config.Ignore. Method
// and query do not count. It panics if the pattern is nil; New refuses an empty one.
func LockURI(pattern *regexp.Regexp) Locking { return Locking(lockURI + pattern.String()) }

// parse returns the mode, and the pattern if the mode is lockURI.
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
