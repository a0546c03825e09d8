package record

import "time"

const (
	// idleParts sets how exact the last access is: it is recorded only when a twentieth of the idle timeout has passed
	// since the one recorded before. So the real last access may be that much later than the record says.
	idleParts = 20
	// ttlMargin makes up for memcached's clock, which ticks in whole seconds, and for TTLs that are cut to whole
	// seconds before they reach it.
	ttlMargin = 2 * time.Second
	minTTL    = time.Second
)

// Expired reports whether the session is over at now: its deadline has passed, or nobody has used it for the idle
// timeout plus a twentieth. It is never early, and at most that twentieth late. If the clocks of instances differ, a
// session lives longer or shorter by as much.
func (r *Record) Expired(now time.Time) bool {
	end, ok := r.End(r.LastAccess)
	return ok && !now.Before(end)
}

// TTL returns how long a node has to keep the record. That is a little longer than the session lives: memcached is only
// the backstop, and Expired decides. The result is 0, which means for ever, only if the session has neither an idle
// timeout nor a deadline; otherwise it is at least a second. It may be longer than 30 days, which package memcache handles.
func (r *Record) TTL(now time.Time) time.Duration {
	end, ok := r.End(r.LastAccess)
	if !ok {
		return 0
	}
	if r.OldUntil.After(end) { // an older copy may live longer: this record must still be there to show that it is old
		end = r.OldUntil
	}
	return max(end.Add(ttlMargin).Sub(now), minTTL)
}

// Idle returns how long the session lives unused; 0: for ever. If the client was told to keep its cookie for longer
// than the idle timeout, the session lives as long as the cookie.
func (r *Record) Idle() time.Duration {
	if r.IdleTimeout != 0 && r.Persist > 0 {
		return max(r.IdleTimeout, r.Persist)
	}
	return r.IdleTimeout
}

// End returns when the session is over if it is not used after lastAccess. If ok is false it never is.
func (r *Record) End(lastAccess time.Time) (end time.Time, ok bool) {
	if r.closed != nil {
		return r.closed.ends, !r.closed.ends.IsZero()
	}
	idle := r.Idle()
	if idle == 0 {
		return r.Deadline, !r.Deadline.IsZero()
	}
	// The two are added one by one, so that a very long timeout does not overflow.
	end = lastAccess.Add(idle).Add(idle / idleParts)
	if !r.Deadline.IsZero() && r.Deadline.Before(end) {
		end = r.Deadline
	}
	return end, true
}
