package msm

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// Pop answers an attribute's value, as Get does, and removes it: of all requests of the session one gets it, also of those
// that run at the same time. So the removal is stored before Pop returns, and a request that fails after it has taken
// the value with it. Without the attribute it costs nothing. What is popped after a Renew in the same request may be seen
// once more by a request that has the old id.
//
// A stored value that does not decode into T is kept.
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

// Pop answers the attribute's value and removes it, see the function Pop.
func (k Key[T]) Pop(s *Session) T { return Pop[T](s, k.name) }

// flashes is the attribute that AddFlash keeps messages in. Keys does not name it.
const flashes = "_flash"

// AddFlash keeps a message for the next page that the visitor sees. For messages of another type, or of several kinds,
// have a Key of a slice, its Update and its Pop.
func (s *Session) AddFlash(message string) {
	update(s, flashes, func(list []string) []string { return append(list, message) }, true)
}

// Flashes answers the messages that AddFlash has kept, oldest first, and removes them: each is seen once, as with Pop.
func (s *Session) Flashes() []string { return Pop[[]string](s, flashes) }

// pop removes an attribute, if there is one that decodes, and answers what it was.
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
	if s.base == nil || s.list.decides(name) { // nobody else has it
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

// decides: what the list makes of the attribute does not depend on what is stored.
func (l changes) decides(name string) bool {
	return slices.ContainsFunc(l, func(c change) bool {
		return c.kind == clearAttributes || c.name == name && !c.updates()
	})
}

// takeOut removes an attribute from the stored session, and answers what it was at that moment.
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

// taking is one Pop.
type taking struct {
	name  string
	first changes // what the request has done to the attribute before
	taken atomic.Pointer[[]byte]
	over  atomic.Bool // Pop has returned
}

// from takes the attribute out of a record. It may be done again to a newer one, also when Pop has returned long ago: a
// sticky instance does it to what another one has stored. Only the value that was answered is removed then.
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

func (t *taking) value() []byte {
	if taken := t.taken.Load(); taken != nil {
		return *taken
	}
	return nil
}
