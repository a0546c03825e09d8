package msm

import (
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// change is one thing that a request did to its session. The list of them, not the values that came out, is what a
// commit stores: if another request was faster, the list is applied to what that one stored, and both survive.
type change struct {
	kind  changeKind
	name  string
	value []byte
	idle  time.Duration
	// update computes the value from the attribute's bytes; ok is false if there is none.
	update func(old []byte, ok bool) ([]byte, error)
}

type changeKind uint8

const (
	setAttribute changeKind = iota
	deleteAttribute
	updateAttribute
	clearAttributes
	setIdleTimeout
)

// apply does the change to a record. On the record that the handler saw, an update has its result already; on any
// other it is computed anew.
func (c *change) apply(rec *record.Record, sameBase bool) error {
	switch c.kind {
	case setAttribute:
		rec.Set(c.name, c.value)
	case deleteAttribute:
		rec.Delete(c.name)
	case clearAttributes:
		rec.Attributes = nil
	case setIdleTimeout:
		rec.IdleTimeout = c.idle
	case updateAttribute:
		value := c.value
		if !sameBase {
			var err error
			if value, err = c.update(rec.Get(c.name)); err != nil {
				return err
			}
		}
		rec.Set(c.name, value)
	}
	return nil
}

// changes is a request's list, in order.
type changes []change

// add drops what the new change makes void, so that the list does not grow with repetition.
func (l *changes) add(c change) {
	kept := (*l)[:0]
	for _, old := range *l {
		if !c.voids(old) {
			kept = append(kept, old)
		}
	}
	*l = append(kept, c)
}

func (c change) voids(old change) bool {
	switch c.kind {
	case setAttribute, deleteAttribute:
		return old.name == c.name && (old.kind == setAttribute || old.kind == deleteAttribute || old.kind == updateAttribute)
	case clearAttributes:
		return old.kind != setIdleTimeout
	case setIdleTimeout:
		return old.kind == setIdleTimeout
	}
	return false
}

func (l changes) apply(rec *record.Record, sameBase bool) error {
	for i := range l {
		if err := l[i].apply(rec, sameBase); err != nil {
			return err
		}
	}
	return nil
}
