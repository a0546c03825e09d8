package transcoder

import (
	"errors"
	"reflect"
	"time"
)

// maxSteps is how many pointers, interfaces and containers may lie upon each other in a value. A value that goes
// deeper is taken for a cycle, as encoding/json takes it from 1,000 pointers on.
const maxSteps = 1000

var (
	errBare  = errors.New("no field is exported, so nothing would be stored")
	errCycle = errors.New("nested too deep, or a cycle")
	errIface = errors.New("a value in an interface with methods, which no decoder could make again")
	errZone  = errors.New("a time zone with seconds in its offset; use UTC")
)

// inspect looks at a value before the encoder does, for what the encoder would lose in silence or die of: a cycle
// overflows the stack, which no recover stops. Most types cannot hold any of that, and their values are not looked at.
// doubtful says that only a decoder can tell.
func (s *shapes) inspect(v any) (doubtful bool, err error) {
	value := reflect.ValueOf(v)
	if !value.IsValid() || s.of(value.Type()).plain {
		return false, nil
	}
	if s.of(pointee(value.Type())).bare {
		return false, errBare
	}
	w := walk{shapes: s}
	err = w.value(value, 0)
	return w.doubtful, err
}

// walk is one look at one value.
type walk struct {
	*shapes
	doubtful bool
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
	switch v.Kind() {
	case reflect.Pointer:
		return w.value(v.Elem(), steps)
	case reflect.Interface:
		return w.dynamic(v, steps)
	case reflect.Slice, reflect.Array:
		return w.elements(v, steps)
	case reflect.Map:
		w.doubtful = w.doubtful || shape.keys
		return w.pairs(v, steps)
	case reflect.Struct:
		return w.fields(v, shape, steps)
	}
	return nil
}

func (w *walk) dynamic(v reflect.Value, steps int) error {
	if !w.methods && v.NumMethod() > 0 && !v.IsNil() {
		return errIface
	}
	w.doubtful = w.doubtful || w.nils && v.IsNil()
	return w.value(v.Elem(), steps)
}

func (w *walk) elements(v reflect.Value, steps int) error {
	for i := range v.Len() {
		if err := w.value(v.Index(i), steps); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) pairs(v reflect.Value, steps int) error {
	if m, ok := untyped(v); ok {
		return w.untypedPairs(m, steps)
	}
	for pairs := v.MapRange(); pairs.Next(); {
		if err := w.value(pairs.Key(), steps); err != nil {
			return err
		}
		if err := w.value(pairs.Value(), steps); err != nil {
			return err
		}
	}
	return nil
}

// untyped returns the map that most who have no type for their values use. Reflection would allocate for each pair.
func untyped(v reflect.Value) (map[string]any, bool) {
	if !v.CanInterface() {
		return nil, false
	}
	m, ok := v.Interface().(map[string]any)
	return m, ok
}

func (w *walk) untypedPairs(m map[string]any, steps int) error {
	for _, value := range m {
		switch value.(type) {
		case string, bool, int, int64, uint64, float64, []byte:
			continue
		case nil:
			w.doubtful = w.doubtful || w.nils
			continue
		}
		if err := w.value(reflect.ValueOf(value), steps); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) fields(v reflect.Value, shape *shape, steps int) error {
	if v.Type() == timeType {
		return checkZone(v)
	}
	for _, i := range shape.fields {
		if err := w.value(v.Field(i), steps); err != nil {
			return err
		}
	}
	return nil
}

// checkZone refuses offsets such as those of local mean times before about 1972. RFC 3339 cuts off the seconds and so
// moves the time; time.Time's own binary form, which gob takes, gets negative ones wrong.
func checkZone(v reflect.Value) error {
	if !v.CanInterface() {
		return nil // of an embedded unexported type, which no encoder looks at
	}
	if _, offset := v.Interface().(time.Time).Zone(); offset%60 != 0 {
		return errZone
	}
	return nil
}
