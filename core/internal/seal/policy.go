package seal

import (
	"sync/atomic"
	"time"
)

// Policy says which records are sealed, and with which keys. A nil *Policy is valid: none is. It is safe for concurrent
// use.
type Policy struct {
	ring       atomic.Pointer[Ring]
	from       time.Time // before that, records are not sealed, while keys are being introduced
	plainUntil time.Time // until then, records that are not sealed are read as well
}

// NewPolicy returns a policy without keys, which Use has to give it. Before from it seals nothing. Until plainUntil it
// accepts what is not sealed.
func NewPolicy(from, plainUntil time.Time) *Policy {
	return &Policy{from: from, plainUntil: plainUntil}
}

// Use gives the policy the keys of a ring, at least one.
func (p *Policy) Use(r *Ring) { p.ring.Store(r) }

// Session returns what seals the record of a session, which nodes have under that name; nil: there are no keys.
func (p *Policy) Session(token, name string) *Session {
	if p == nil {
		return nil
	}
	return p.ring.Load().Session(token, name)
}

// Seals reports whether what is written now is to be sealed.
func (p *Policy) Seals(now time.Time) bool { return p != nil && !now.Before(p.from) }

// AcceptsPlain reports whether what is read now may be without a seal.
func (p *Policy) AcceptsPlain(now time.Time) bool {
	return p == nil || now.Before(p.plainUntil) || now.Before(p.from)
}
