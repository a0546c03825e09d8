package recent

import (
	"strings"
	"time"
)

// Times keeps a time for each of the keys that were used last, for example when something is due again, or until when a
// session that was not found is not looked for again (a negative cache). It is safe for concurrent use.
type Times struct {
	of *Map[string, int64] // Unix nanoseconds
}

// NewTimes returns an empty Times, which keeps the last limit keys, and up to twice as many. It copies the keys.
func NewTimes(limit int) *Times { return &Times{NewMap[string, int64](limit, strings.Clone)} }

// Of returns the key's time; the zero time if there is none.
func (t *Times) Of(key string) (at time.Time) {
	if nanos := t.of.Get(key); nanos != 0 {
		at = time.Unix(0, nanos)
	}
	return at
}

// Ahead reports whether the key's time is yet to come. It reads the clock only if there is a time, which is rare.
func (t *Times) Ahead(key string) bool {
	at := t.of.Get(key)
	return at != 0 && at > time.Now().UnixNano()
}

// Has reports whether the key has a time, past or yet to come.
func (t *Times) Has(key string) bool { return t.of.Has(key) }

// Put sets the key's time.
func (t *Times) Put(key string, at time.Time) { t.of.Put(key, at.UnixNano()) }

// Pass reports whether the key's time is over or there is none, and if so replaces it by next. Of several concurrent
// callers one gets true.
func (t *Times) Pass(key string, next time.Time) bool {
	return t.of.Update(key, func(at int64) (int64, bool) { return next.UnixNano(), at <= time.Now().UnixNano() })
}
