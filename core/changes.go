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
	update  func(old []byte, ok bool) ([]byte, error)
	session *Session // whose request it is, of callUpdate
}

type changeKind uint8

const (
	setAttribute changeKind = iota
	deleteAttribute
	updateAttribute
	callUpdate // which calls a function of the application, and so belongs to its request
	clearAttributes
	setIdleTimeout
	setPersist
)

// apply does the change to the record that the handler sees.
func (c change) apply(rec *record.Record) {
	switch c.kind {
	case setAttribute, updateAttribute, callUpdate:
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
	if c.updates() {
		if c.value, err = c.again(rec.Get(c.name)); err != nil {
			return err
		}
	}
	c.apply(rec)
	return nil
}

func (c change) updates() bool { return c.kind == updateAttribute || c.kind == callUpdate }

func (c change) compute(old []byte, ok bool) ([]byte, error) {
	if c.kind == callUpdate {
		return c.session.whileUpdating(c.update, old, ok)
	}
	return c.update(old, ok)
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
		return old.name == c.name && (old.kind == setAttribute || old.kind == deleteAttribute || old.updates())
	case clearAttributes:
		return old.kind != setIdleTimeout && old.kind != setPersist
	case setIdleTimeout, setPersist:
		return old.kind == c.kind
	}
	return false
}

// call reports whether one of the changes calls a function of the application.
func (l changes) call() bool {
	return slices.ContainsFunc(l, func(c change) bool { return c.kind == callUpdate })
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
