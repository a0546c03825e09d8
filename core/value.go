package msm

import (
	"errors"
	"log/slog"

	"github.com/gomsm/msm/transcoder"
)

// Key is the name and the type of an attribute, said once. Make it with NewKey: with the zero Key reads find nothing,
// and Set and Update fail with an AttributeError. It is safe for concurrent use.
//
//	var visits = msm.NewKey[int]("visits")
type Key[T any] struct{ name string }

// NewKey returns a key. The name has 1 to 65,535 bytes; all keys of one name must have one type.
func NewKey[T any](name string) Key[T] { return Key[T]{name} }

// Get returns the attribute's value, or the zero value; see the function Get.
func (k Key[T]) Get(s *Session) T { return Get[T](s, k.name) }

// Lookup returns the attribute's value and whether there is one; see the function Lookup.
func (k Key[T]) Lookup(s *Session) (T, bool, error) { return Lookup[T](s, k.name) }

// Set gives the attribute a value; see Session.Set. If T is an interface, a value that cannot be read back as a T is
// refused too: with CBOR and JSON that is all but nil, unless T is any.
func (k Key[T]) Set(s *Session, value T) { s.Set(k.name, storable(value)) }

// Update changes the attribute's value; see the function Update.
func (k Key[T]) Update(s *Session, f func(T) T) T { return Update(s, k.name, f) }

// Delete removes the attribute; see Session.Delete.
func (k Key[T]) Delete(s *Session) { s.Delete(k.name) }

// Get returns an attribute's value, decoded afresh. It is the zero value if there is none, if the session could not be
// loaded, or if the stored value does not decode into T; the last is logged, and the value is kept. Lookup tells these
// apart.
func Get[T any](s *Session, name string) T {
	value, _, err := Lookup[T](s, name)
	s.tell(err)
	return value
}

// tell logs that an attribute does not decode, for reads that return no error.
func (s *Session) tell(err error) {
	if wrong := (*AttributeError)(nil); errors.As(err, &wrong) {
		s.manager.log.Event(s.visit.ctx, slog.LevelWarn, "attribute does not decode", wrong.Name,
			"attribute", short(wrong.Name), "type", wrong.Type, "error", wrong.Err)
	}
}

// Lookup returns an attribute's value, decoded afresh, and whether there is one. The error is an AttributeError if the
// stored value does not decode into T, with ok true, or why the session could not be loaded.
func Lookup[T any](s *Session, name string) (value T, ok bool, err error) {
	coder, data, ok, err := s.encoded(name)
	if err != nil || !ok {
		return value, false, err
	}
	if err := coder.Unmarshal(data, &value); err != nil {
		var zero T
		return zero, true, attributeError(name, storable(zero), err)
	}
	return value, true, nil
}

// encoded returns an attribute's bytes, and the transcoder to decode them.
func (s *Session) encoded(name string) (coder transcoder.Transcoder, data []byte, ok bool, err error) {
	s.enter()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return nil, nil, false, err
	}
	data, ok = s.draft.attribute(name)
	return s.coder, data, ok, nil
}
