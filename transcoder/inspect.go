package transcoder

import (
	"errors"
	"fmt"
	"reflect"
	"time"
)

// maxSteps is how many pointers, interfaces and containers may be nested in a value. A value that goes deeper is taken
// for a cycle, as encoding/json does from 1,000 pointers on.
const maxSteps = 1000

var (
	errAddress    = errors.New("the methods by which it encodes itself have a pointer receiver, and are not called here")
	errBare       = errors.New("no field is exported, so nothing would be stored; export them, or give it methods such as MarshalText and UnmarshalText")
	errCycle      = errors.New("nested too deep, or a cycle")
	errFloat      = errors.New("in an any every number comes back as float64, which cannot hold this one; use a string")
	errIface      = errors.New("a value in an interface with methods, which no decoder could make again; use its own type")
	errNilElement = errors.New("nil in a slice or map, which this format cannot hold; leave the element out")
	errPointer    = errors.New("a pointer to what is stored as nil, which would come back as nil; use nil, or no pointer")
	errZone       = errors.New("a time zone with seconds in its offset; use UTC")
)

// doubt says what only decoding can tell about a value.
type doubt struct {
	odd     bool // whether it can be read again
	compare bool // whether what is read is the same value
}

// inspect checks a value before the encoder gets it, for what the encoder would lose silently and for a cycle, which
// would overflow its stack; no recover stops that. Most types cannot hold any of that, and their values are not looked
// at. It returns what to encode: the value, or a pointer to it where the encoder needs one.
func (s *shapes) inspect(v any) (any, doubt, error) {
	value := reflect.ValueOf(v)
	if !value.IsValid() {
		return v, doubt{}, nil
	}
	shape := s.of(value.Type())
	if shape.plain {
		return v, doubt{}, nil
	}
	if s.of(pointee(value.Type())).bare {
		return nil, doubt{}, fmt.Errorf("%T: %w", v, errBare)
	}
	if shape.address && shape.err == nil {
		pointer := reflect.New(value.Type())
		pointer.Elem().Set(value)
		v, value = pointer.Interface(), pointer.Elem()
	}
	if value.Kind() == reflect.Pointer && value.Type().Elem().Kind() == reflect.Interface {
		value = value.Elem() // the pointer only carries the interface's type
	}
	w := walk{shapes: s}
	err := w.value(value, 0)
	return v, w.doubt, err
}

// walk is the inspection of one value.
type walk struct {
	*shapes
	doubt
}

func (w *walk) value(v reflect.Value, steps int) error {
	if !v.IsValid() {
		return nil
	}
	shape := w.of(v.Type())
	if shape.plain {
		return nil
	}
	if steps++; steps > maxSteps {
		return errCycle
	}
	if shape.err != nil {
		return w.refuse(v, shape)
	}
	w.odd = w.odd || shape.odd
	w.compare = w.compare || shape.compare
	if shape.check != nil {
		return shape.check(v)
	}
	if shape.leaf {
		return w.fields(v, shape, steps) // it has none, unless its methods are those of an embedded field
	}
	return w.parts(v, shape, steps)
}

// refuse returns the error for a value whose type cannot be stored. If the value's own method fails to encode it, its
// error comes first.
func (w *walk) refuse(v reflect.Value, shape *shape) error {
	if shape.leaf {
		pointer := reflect.New(v.Type()) // its methods may need one
		pointer.Elem().Set(v)
		if _, err := w.codec.encode(pointer.Interface()); err != nil {
			return err
		}
	}
	return shape.err
}

func (w *walk) parts(v reflect.Value, shape *shape, steps int) error {
	switch v.Kind() {
	case reflect.Pointer:
		return w.pointer(v, steps)
	case reflect.Interface:
		return w.dynamic(v, steps)
	case reflect.Slice, reflect.Array:
		return w.elements(v, steps)
	case reflect.Map:
		return w.pairs(v, shape, steps)
	case reflect.Struct:
		return w.fields(v, shape, steps)
	}
	return nil
}

func (w *walk) pointer(v reflect.Value, steps int) error {
	if v.IsNil() {
		return nil
	}
	if v.Elem().Kind() == reflect.Pointer && v.Elem().IsNil() || w.null != "" && w.isNull(v.Elem(), steps) {
		return fmt.Errorf("%v: %w", v.Type(), errPointer)
	}
	return w.value(v.Elem(), steps)
}

// isNull reports whether the value is written like nil.
func (s *shapes) isNull(v reflect.Value, steps int) bool {
	shape := s.of(v.Type())
	if shape.null != nil {
		return shape.null(v)
	}
	switch v.Kind() {
	case reflect.Map, reflect.Slice:
		return !shape.leaf && v.IsNil()
	case reflect.Pointer, reflect.Interface:
		return v.IsNil() || steps < maxSteps && s.isNull(v.Elem(), steps+1)
	}
	return false
}

func (w *walk) elements(v reflect.Value, steps int) error {
	for i := range v.Len() {
		if err := w.element(v.Index(i), steps); err != nil {
			return err
		}
	}
	return nil
}

// element inspects an element of a slice, array or map. A format that leaves out fields without a value cannot leave
// out an element.
func (w *walk) element(v reflect.Value, steps int) error {
	if w.tags == nil && v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Errorf("%v: %w", v.Type(), errNilElement)
	}
	return w.value(v, steps)
}

func (w *walk) pairs(v reflect.Value, shape *shape, steps int) error {
	if m, ok := untyped(v); ok {
		return w.untypedPairs(m, steps)
	}
	for pairs := v.MapRange(); pairs.Next(); {
		if err := w.element(pairs.Key(), steps); err != nil {
			return err
		}
		if err := w.element(pairs.Value(), steps); err != nil {
			return err
		}
	}
	if shape.keys {
		return w.keysReturn(v)
	}
	return nil
}

func (w *walk) fields(v reflect.Value, shape *shape, steps int) error {
	if shape.bare && !v.IsZero() {
		return fmt.Errorf("%v: %w", v.Type(), errBare)
	}
	for _, f := range shape.fields {
		if f.optional && v.Field(f.index).IsZero() {
			continue
		}
		err := error(nil)
		if f.look != nil {
			err = f.look(v.Field(f.index))
		}
		if err == nil {
			err = w.value(v.Field(f.index), steps)
		}
		if err != nil {
			return inField(v.Type(), f.index, err)
		}
	}
	return nil
}

// fieldError is an error with the field in which it occurred.
type fieldError struct {
	field string
	err   error
}

func (e *fieldError) Error() string { return e.field + ": " + e.err.Error() }

func (e *fieldError) Unwrap() error { return e.err }

// inField adds the innermost field to an error: a whole path could have 1,000 steps.
func inField(t reflect.Type, index int, err error) error {
	if inner := (*fieldError)(nil); errors.As(err, &inner) {
		return err
	}
	return &fieldError{t.String() + "." + t.Field(index).Name, err}
}

// checkZone refuses offsets with seconds, such as those of local mean times before about 1972. RFC 3339 cuts off the
// seconds and so moves the time; time.Time's own binary form, which gob uses, gets negative ones wrong.
func checkZone(v reflect.Value) error {
	if _, offset := v.Interface().(time.Time).Zone(); offset%60 != 0 {
		return errZone
	}
	return nil
}
