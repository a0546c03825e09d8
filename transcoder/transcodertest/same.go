package transcodertest

import (
	"reflect"
	"time"
)

// same reports whether two values are equal like reflect.DeepEqual, except that times are equal by instant and offset,
// NaN equals NaN, and a nil slice or map within a value equals an empty one: not every format tells them apart.
func same(a, b reflect.Value) bool {
	if !a.IsValid() || !b.IsValid() {
		return a.IsValid() == b.IsValid()
	}
	if a.Type() != b.Type() {
		return false
	}
	if a.CanInterface() && a.Type() == reflect.TypeFor[time.Time]() {
		return sameTime(a.Interface().(time.Time), b.Interface().(time.Time))
	}
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		return a.Float() == b.Float() || a.Float() != a.Float() && b.Float() != b.Float()
	case reflect.Pointer, reflect.Interface:
		return same(a.Elem(), b.Elem())
	case reflect.Slice, reflect.Array:
		return sameElements(a, b)
	case reflect.Map:
		return samePairs(a, b)
	case reflect.Struct:
		return sameFields(a, b)
	case reflect.Func:
		return a.IsNil() == b.IsNil()
	}
	return a.Equal(b)
}

func sameTime(a, b time.Time) bool {
	_, offsetA := a.Zone()
	_, offsetB := b.Zone()
	return a.Equal(b) && offsetA == offsetB
}

func sameElements(a, b reflect.Value) bool {
	if a.Len() != b.Len() {
		return false
	}
	for i := range a.Len() {
		if !same(a.Index(i), b.Index(i)) {
			return false
		}
	}
	return true
}

func samePairs(a, b reflect.Value) bool {
	if a.Len() != b.Len() {
		return false
	}
	for pairs := a.MapRange(); pairs.Next(); {
		if !same(pairs.Value(), b.MapIndex(pairs.Key())) {
			return false
		}
	}
	return true
}

func sameFields(a, b reflect.Value) bool {
	for i := range a.NumField() {
		if !same(a.Field(i), b.Field(i)) {
			return false
		}
	}
	return true
}
