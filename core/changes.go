package msm

import (
	"fmt"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// change is one thing that a request did to its session. A commit stores the list of changes and not the resulting
// values: if another request has stored the session meanwhile, the list is applied to that record, and the changes of
// both survive.
type change struct {
	kind  changeKind
	name  string
	value []byte
	idle  time.Duration
	// update computes the new value from the attribute's present bytes. ok is false if there is no attribute of that
	// name.
	update   func(old []byte, ok bool) ([]byte, error)
	updating *updating // the session's; for callUpdate only
}

type changeKind uint8

const (
	setAttribute changeKind = iota
	deleteAttribute
	updateAttribute
	callUpdate // by a function of the application, which must not be called after its request
	clearAttributes
	setIdleTimeout
	setPersist
)

// apply makes the change to the record that the handler sees. c.value is the result of an update on that record.
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

// replay makes the change to another record than the one that the handler saw. An update is computed again from its
// value.
func (c change) replay(rec *record.Record) (err error) {
	if c.updates() {
		if c.value, err = c.again(rec.Get(c.name)); err != nil {
			return err
		}
	}
	c.apply(rec)
	return nil
}

// updates reports whether the change computes the attribute's value from the present one.
func (c change) updates() bool { return c.kind == updateAttribute || c.kind == callUpdate }

// compute returns the new value of an update. It marks the call of an application's function, see updating.
func (c change) compute(old []byte, ok bool) ([]byte, error) {
	if c.kind == callUpdate {
		return c.updating.while(c.update, old, ok)
	}
	return c.update(old, ok)
}

// again computes an update's value once more, from a value that the author of its function may not have expected. A
// panic becomes the change's error: the handler, with whatever recovers from its panics, may have returned, or would
// commit again with its response.
func (c change) again(old []byte, ok bool) (value []byte, err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case waitsForItself:
			panic(p)
		default:
			err = fmt.Errorf("msm: attribute %q: Update's function panicked when it was called again: %v (%s)", c.name, p, panicOrigin())
		}
	}()
	return c.compute(old, ok)
}

// changes is what a request has done to its session, in order.
type changes []change

// add appends a change, and drops those that have no effect any more because of it: repetition does not grow the list.
func (l *changes) add(c change) {
	*l = append(slices.DeleteFunc(*l, c.supersedes), c)
}

// supersedes reports whether c leaves an earlier change without effect.
func (c change) supersedes(old change) bool {
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

// callApp reports whether one of the changes calls a function of the application.
func (l changes) callApp() bool {
	return slices.ContainsFunc(l, func(c change) bool { return c.kind == callUpdate })
}

// replay makes the changes to a record that another request has stored meanwhile (rule E10).
func (l changes) replay(rec *record.Record) error {
	rec.Attributes = slices.Clone(rec.Attributes)
	for _, c := range l {
		if err := c.replay(rec); err != nil {
			return err
		}
	}
	return nil
}

// detached returns a replay that does not refer to the request: it copies the list, whose memory belongs to the request.
func (l changes) detached() func(rec *record.Record) error {
	if len(l) == 1 { // the usual case: saves an allocation
		only := l[0]
		return func(rec *record.Record) error {
			rec.Attributes = slices.Clone(rec.Attributes)
			return only.replay(rec)
		}
	}
	return slices.Clone(l).replay
}

// clash returns the name of an attribute that the list overwrites and whose value is not the one that the request saw.
func (l changes) clash(base, now *record.Record) (name string, clash bool) {
	for _, c := range l {
		switch c.kind {
		case setAttribute, deleteAttribute:
			if !sameAttribute(c.name, base, now) {
				return c.name, true
			}
		case clearAttributes:
			for _, a := range slices.Concat(base.Attributes, now.Attributes) {
				if !sameAttribute(a.Name, base, now) {
					return a.Name, true
				}
			}
		}
	}
	return "", false
}

func sameAttribute(name string, a, b *record.Record) bool {
	x, inA := a.Get(name)
	y, inB := b.Get(name)
	return inA == inB && string(x) == string(y)
}

// decide reports whether the attribute's value after the list does not depend on what is stored.
func (l changes) decide(name string) bool {
	return slices.ContainsFunc(l, func(c change) bool {
		return c.kind == clearAttributes || c.name == name && !c.updates()
	})
}
