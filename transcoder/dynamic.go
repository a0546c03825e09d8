package transcoder

import (
	"fmt"
	"math/bits"
	"reflect"
	"time"
)

// dynamic inspects the value in an interface: the encoder writes a value of a type that the decoder does not know.
func (w *walk) dynamic(v reflect.Value, steps int) error {
	if v.IsNil() {
		w.odd = w.odd || w.nils
		return nil
	}
	if !w.interfaces && v.NumMethod() > 0 {
		return fmt.Errorf("%v: %w", v.Type(), errIface)
	}
	inner := v.Elem()
	if err := w.number(inner); err != nil {
		return err
	}
	return w.untypedValue(inner, steps)
}

// untypedValue inspects the value of an any. Unless the value has a type that comes back from every any, it must be
// decoded once before it is stored.
func (w *walk) untypedValue(v reflect.Value, steps int) error {
	if w.of(v.Type()).address {
		return fmt.Errorf("%v in an interface: %w; use a pointer", v.Type(), errAddress)
	}
	if !simple[v.Type()] {
		w.odd = true
		w.compare = w.compare || w.floats
	}
	return w.value(v, steps)
}

// simple are the types that come back from an any in every format, unchanged or as an equivalent value. For the last
// two, the values in them are inspected.
var simple = map[reflect.Type]bool{
	reflect.TypeFor[bool](): true, reflect.TypeFor[string](): true, reflect.TypeFor[[]string](): true, reflect.TypeFor[[]byte](): true,
	reflect.TypeFor[int](): true, reflect.TypeFor[int8](): true, reflect.TypeFor[int16](): true, reflect.TypeFor[int32](): true, reflect.TypeFor[int64](): true,
	reflect.TypeFor[uint](): true, reflect.TypeFor[uint8](): true, reflect.TypeFor[uint16](): true, reflect.TypeFor[uint32](): true, reflect.TypeFor[uint64](): true,
	reflect.TypeFor[float32](): true, reflect.TypeFor[float64](): true, reflect.TypeFor[time.Time](): true,
	reflect.TypeFor[[]any](): true, reflect.TypeFor[map[string]any](): true,
}

// number refuses an integer that a float64 would round.
func (w *walk) number(v reflect.Value) error {
	var size uint64
	switch {
	case !w.floats:
		return nil
	case v.CanInt() && v.Int() < 0:
		size = -uint64(v.Int())
	case v.CanInt():
		size = uint64(v.Int())
	case v.CanUint():
		size = v.Uint()
	}
	if bits.Len64(size)-bits.TrailingZeros64(size) > 53 { // a float64 has room for 53 bits
		return fmt.Errorf("%v: %w", v, errFloat)
	}
	return nil
}

// untyped returns v as a map[string]any, which is what most untyped values are. Reflection would allocate for each
// pair.
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
		case string, bool, float64, []byte:
			continue
		case int, int64, uint64:
			if !w.floats {
				continue
			}
		case nil:
			w.odd = w.odd || w.nils
			continue
		}
		inner := reflect.ValueOf(value)
		if err := w.number(inner); err != nil {
			return err
		}
		if err := w.untypedValue(inner, steps); err != nil {
			return err
		}
	}
	return nil
}
