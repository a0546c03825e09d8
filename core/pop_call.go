package msm

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// popCall is one call of Pop.
type popCall struct {
	name  string
	first changes                // updates of the attribute that the request made before
	taken atomic.Pointer[[]byte] // the value; nil: there was none
	over  atomic.Bool            // Pop has returned
}

// from removes the attribute from a record. It may be called again with a newer record, even long after Pop has
// returned: a sticky instance applies it to what another instance has stored. Then it removes only the value that Pop
// returned.
func (p *popCall) from(rec *record.Record) error {
	rec.Attributes = slices.Clone(rec.Attributes)
	for _, c := range p.first {
		if err := c.replay(rec); err != nil {
			return err
		}
	}
	value, ok := rec.Get(p.name)
	switch {
	case p.over.Load():
		if string(value) != string(p.value()) {
			return nil
		}
	case ok:
		p.taken.Store(&value)
	default:
		p.taken.Store(nil)
	}
	if rec.Delete(p.name) {
		rec.LastAccess = time.Now()
	}
	return nil
}

// value returns what Pop is to return; nil: nothing.
func (p *popCall) value() []byte {
	if taken := p.taken.Load(); taken != nil {
		return *taken
	}
	return nil
}
