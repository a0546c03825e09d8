package msm

import (
	"slices"
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
	setPersist
)

// apply does the change to the record that the handler sees.
func (c change) apply(rec *record.Record) {
	switch c.kind {
	case setAttribute, updateAttribute:
		rec.Set(c.name, c.value)
	case deleteAttribute:
		rec.Delete(c.name)
	case clearAttributes:
		rec.Attributes = nil
	case setIdleTimeout:
		rec.IdleTimeout = c.idle
	case setPersist:
		rec.Persist = c.idle
	}
}

// replay does the change to another record than the handler saw: an update is computed anew.
func (c change) replay(rec *record.Record) (err error) {
	if c.kind == updateAttribute {
		if c.value, err = c.update(rec.Get(c.name)); err != nil {
			return err
		}
	}
	c.apply(rec)
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
		return old.kind != setIdleTimeout && old.kind != setPersist
	case setIdleTimeout, setPersist:
		return old.kind == c.kind
	}
	return false
}

// replay does the changes to a record that another request has stored meanwhile.
func (l changes) replay(rec *record.Record) error {
	rec.Attributes = slices.Clone(rec.Attributes)
	for _, c := range l {
		if err := c.replay(rec); err != nil {
			return err
		}
	}
	return nil
}

// kept is replay for who keeps it longer than the request: the list lives in the request, which must not be kept for it.
func (l changes) kept() func(rec *record.Record) error {
	if len(l) == 1 { // as it mostly is: one allocation less
		only := l[0]
		return func(rec *record.Record) error {
			rec.Attributes = slices.Clone(rec.Attributes)
			return only.replay(rec)
		}
	}
	return slices.Clone(l).replay
}
