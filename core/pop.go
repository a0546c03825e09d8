package msm

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// Pop returns an attribute's value, as Get does, and removes the attribute. Of all requests of the session one gets the
// value, even if they run at the same time: the removal is stored before Pop returns, and stays if the request fails
// later. If it cannot be stored, Pop returns the zero value, and Err the error. If there is no such attribute, nothing
// is written. What is popped after a Renew in the same request may be seen once more by a request that has the old id.
//
// A stored value that does not decode into T is kept; Pop logs it and returns the zero value.
func Pop[T any](s *Session, name string) T {
	s.enter()
	defer s.mu.Unlock()
	var value, zero T
	decode := func(data []byte) error { return s.coder.Unmarshal(data, &value) }
	data, err := s.pop(name, decode)
	if value = zero; data != nil {
		err = decode(data)
	}
	if err != nil {
		s.tell(attributeError(name, storable(zero), err))
		return zero
	}
	return value
}

// Pop returns the attribute's value and removes the attribute; see the function Pop.
func (k Key[T]) Pop(s *Session) T { return Pop[T](s, k.name) }

// flashes is the attribute that holds the messages of AddFlash. Keys leaves it out.
const flashes = "_flash"

// AddFlash keeps a message for the next page that the visitor sees; Flashes returns it there. For messages of another
// type, or of several kinds, use a Key of a slice, its Update and its Pop. An error is kept, as with Set.
func (s *Session) AddFlash(message string) {
	update(s, flashes, func(list []string) []string { return append(list, message) }, true)
}

// Flashes returns the messages of AddFlash, oldest first, and removes them: each is returned once, as with Pop.
func (s *Session) Flashes() []string { return Pop[[]string](s, flashes) }

// pop removes an attribute, if there is one that decodes, and returns its bytes; nil if it removed nothing.
func (s *Session) pop(name string, decode func([]byte) error) ([]byte, error) {
	if s.load() != nil {
		return nil, nil
	}
	data, ok := s.attribute(name)
	if !ok || !s.writable() {
		return nil, nil
	}
	if err := decode(data); err != nil {
		return nil, err
	}
	if s.base == nil || s.list.decides(name) { // no other request can have it
		s.do(change{kind: deleteAttribute, name: name})
		return data, nil
	}
	taken, err := s.takeOut(name)
	if err != nil {
		s.fail(err)
		return nil, nil
	}
	return taken, nil
}

// takeOut removes an attribute from the stored session, and returns what it was at that moment.
func (s *Session) takeOut(name string) ([]byte, error) {
	s.wrote = true
	t := &taking{name: name}
	rest := s.list[:0:0]
	for _, c := range s.list {
		if c.updates() && c.name == name {
			t.first = append(t.first, c)
		} else {
			rest = append(rest, c)
		}
	}
	stored, err := s.storeTaking(context.WithoutCancel(s.exchange.context()), t)
	if err != nil {
		return nil, gone(err)
	}
	t.over.Store(true)
	s.list = rest
	return t.value(), s.rebase(stored)
}

// storeTaking stores the removal.
func (s *Session) storeTaking(ctx context.Context, t *taking) (*record.Record, error) {
	if s.held != nil {
		work := s.base.Draft()
		if err := t.from(work); err != nil {
			return nil, err
		}
		return s.commitLocal(ctx, work, t.from, t.first.call())
	}
	taken := replica.NewResults[*[]byte](s.access)
	stored, err := s.write(ctx, func(rec *record.Record) error {
		err := t.from(rec)
		taken.Note(t.taken.Load())
		return err
	})
	if err == nil {
		t.taken.Store(taken.Of(stored))
	}
	return stored, err
}

// taking is one call of Pop.
type taking struct {
	name  string
	first changes                // updates of the attribute that the request made before
	taken atomic.Pointer[[]byte] // the value; nil: there was none
	over  atomic.Bool            // Pop has returned
}

// from removes the attribute from a record. It may be called again with a newer record, even long after Pop has
// returned: a sticky instance applies it to what another instance has stored. Then it removes only the value that Pop
// returned.
func (t *taking) from(rec *record.Record) error {
	rec.Attributes = slices.Clone(rec.Attributes)
	for _, c := range t.first {
		if err := c.replay(rec); err != nil {
			return err
		}
	}
	value, ok := rec.Get(t.name)
	switch {
	case t.over.Load():
		if string(value) != string(t.value()) {
			return nil
		}
	case ok:
		t.taken.Store(&value)
	default:
		t.taken.Store(nil)
	}
	if rec.Delete(t.name) {
		rec.LastAccess = time.Now()
	}
	return nil
}

// value returns what Pop is to return; nil: nothing.
func (t *taking) value() []byte {
	if taken := t.taken.Load(); taken != nil {
		return *taken
	}
	return nil
}
