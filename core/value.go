package msm

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"

	"github.com/gomsm/msm/transcoder"
)

// Key is the name and the type of an attribute, said once.
//
//	var visits = msm.NewKey[int]("visits")
type Key[T any] struct{ name string }

// NewKey makes a key. Two keys of one name must have one type.
func NewKey[T any](name string) Key[T] { return Key[T]{name} }

// Get answers the attribute's value, or the zero value as the function Get does.
func (k Key[T]) Get(s *Session) T { return Get[T](s, k.name) }

// Lookup answers the attribute's value and whether there is one.
func (k Key[T]) Lookup(s *Session) (T, bool, error) { return Lookup[T](s, k.name) }

// Set gives the attribute a value, see Session.Set. If T is an interface, what cannot be read as a T is refused too: with
// CBOR and JSON only nil can be, unless T is any.
func (k Key[T]) Set(s *Session, value T) { s.Set(k.name, storable(value)) }

// Update changes the attribute's value, see the function Update.
func (k Key[T]) Update(s *Session, f func(T) T) T { return Update(s, k.name, f) }

// Delete removes the attribute.
func (k Key[T]) Delete(s *Session) { s.Delete(k.name) }

// Get answers an attribute's value, decoded afresh; the zero value if there is none. A stored value that does not
// decode into T gives the zero value too, and a line in the log; it is kept. Use Lookup to tell these apart.
func Get[T any](s *Session, name string) T {
	value, _, err := Lookup[T](s, name)
	s.tell(err)
	return value
}

// tell writes to the log what a read cannot answer.
func (s *Session) tell(err error) {
	if wrong := (*AttributeError)(nil); errors.As(err, &wrong) {
		s.manager.log.Event(s.exchange.context(), slog.LevelWarn, "attribute does not decode", wrong.Name,
			"attribute", short(wrong.Name), "type", wrong.Type, "error", wrong.Err)
	}
}

// Lookup answers an attribute's value and whether there is one. The error is an AttributeError if the stored value does
// not decode into T, or why the session could not be loaded.
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

func (s *Session) encoded(name string) (coder transcoder.Transcoder, data []byte, ok bool, err error) {
	s.enter()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return nil, nil, false, err
	}
	data, ok = s.attribute(name)
	return s.coder, data, ok, nil
}

func attributeError(name string, value any, err error) error {
	return &AttributeError{Name: name, Type: typeName(value), Err: err}
}

// storable returns what a transcoder is to encode. A value of an interface type becomes a pointer to the interface: else the
// transcoder would see only what is in it, and store what it cannot read as the interface.
func storable[T any](value T) any {
	if reflect.TypeFor[T]().Kind() != reflect.Interface {
		return value
	}
	typed := new(T)
	*typed = value
	return typed
}

// typeName names the type of what storable returns.
func typeName(value any) string {
	v := reflect.ValueOf(value)
	switch {
	case !v.IsValid():
		return "nil"
	case v.Kind() != reflect.Pointer || v.IsNil() || v.Type().Elem().Kind() != reflect.Interface:
		return v.Type().String()
	case v.Elem().IsNil():
		return v.Type().Elem().String()
	}
	return fmt.Sprintf("%v with a %v in it", v.Type().Elem(), v.Elem().Elem().Type())
}

func unknownTranscoder(name string) error {
	return fmt.Errorf("%w: its transcoder is %q; add it to Config.ReadTranscoders (MSM_READ_TRANSCODERS)", ErrUnreadable, name)
}
