package record

import "time"

const (
	// idleParts: the last access is recorded only when a twentieth of the idle timeout went by since the one before,
	// so the real one may be that much later than the record says.
	idleParts = 20
	// ttlMargin is for memcached's clock: it ticks in whole seconds, and TTLs are cut to whole seconds before that.
	ttlMargin = 2 * time.Second
	minTTL    = time.Second
)

// Expired reports whether the session is over: its deadline came, or nobody used it for the idle timeout and a
// twentieth. It is never early, and at most that twentieth late. Clocks that disagree, or go backwards, only make a
// session live longer by as much.
func (r *Record) Expired(now time.Time) bool {
	end, ok := r.End(r.LastAccess)
	return ok && !now.Before(end)
}

// TTL returns how long a node has to keep the record, so that it outlives the session by a little: memcached is the
// backstop, Expired decides. It is 0, for ever, only if the session has neither an idle timeout nor a deadline, and
// else at least a second. It may be longer than 30 days, which is the node package's concern.
func (r *Record) TTL(now time.Time) time.Duration {
	end, ok := r.End(r.LastAccess)
	if !ok {
		return 0
	}
	if r.OldUntil.After(end) { // an older copy may live longer, and must be known for what it is
		end = r.OldUntil
	}
	return max(end.Add(ttlMargin).Sub(now), minTTL)
}

// Idle returns how long the session lives unused: as long as its client keeps the cookie, if that was asked for; 0: for ever.
func (r *Record) Idle() time.Duration {
	if r.IdleTimeout != 0 && r.Persist > 0 {
		return max(r.IdleTimeout, r.Persist)
	}
	return r.IdleTimeout
}

// End returns when the session is over if nobody uses it after lastAccess; not ok: never.
func (r *Record) End(lastAccess time.Time) (end time.Time, ok bool) {
	idle := r.Idle()
	if idle == 0 {
		return r.Deadline, !r.Deadline.IsZero()
	}
	// Added one by one, the two do not overflow, however long the timeout is.
	end = lastAccess.Add(idle).Add(idle / idleParts)
	if !r.Deadline.IsZero() && r.Deadline.Before(end) {
		end = r.Deadline
	}
	return end, true
}
