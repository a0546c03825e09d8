package transcoder_test

import (
	"fmt"
	"math/big"
	"reflect"
	"time"
)

// differ says how two values differ, or returns "". It compares as package transcoder promises: times are equal by
// instant and offset, fields that are unexported or tagged "-" do not count, and for nil and empty see the table there.
func differ(format string, a, b reflect.Value, path string) string {
	if a.IsValid() != b.IsValid() {
		return path + ": one is nil"
	}
	if !a.IsValid() {
		return ""
	}
	if a.Type() != b.Type() {
		return differUntyped(format, a, b, path)
	}
	if why, ok := differSpecial(a, b); ok {
		return join(path, why)
	}
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		if a.Float() != b.Float() && (a.Float() == a.Float() || b.Float() == b.Float()) {
			return fmt.Sprintf("%s: %v, was %v", path, b, a)
		}
		return ""
	case reflect.Complex128:
		if fmt.Sprint(a) != fmt.Sprint(b) && a.Complex() != b.Complex() {
			return fmt.Sprintf("%s: %v, was %v", path, b, a)
		}
		return ""
	case reflect.Interface:
		return differUntyped(format, a.Elem(), b.Elem(), path)
	case reflect.Pointer:
		return differ(format, a.Elem(), b.Elem(), path+"*")
	case reflect.Slice, reflect.Array:
		return differElements(format, a, b, path)
	case reflect.Map:
		return differPairs(format, a, b, path)
	case reflect.Struct:
		return differFields(format, a, b, path)
	case reflect.Func, reflect.Chan:
		if a.IsNil() != b.IsNil() {
			return path + ": one is nil"
		}
		return ""
	}
	if !a.Equal(b) {
		return fmt.Sprintf("%s: %v, was %v", path, b, a)
	}
	return ""
}

// isNothing reports whether a value in an any is stored as nil: a nil pointer, map or slice, and the zero time.
func isNothing(v reflect.Value) bool {
	if !v.IsValid() {
		return true
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface, reflect.Chan, reflect.Func:
		return v.IsNil() || stands(v) && isNothing(v.Elem())
	}
	return v.Type() == reflect.TypeFor[time.Time]() && v.IsZero()
}

func join(path, why string) string {
	if why == "" {
		return ""
	}
	return path + ": " + why
}

func differElements(format string, a, b reflect.Value, path string) string {
	if a.Len() != b.Len() {
		return fmt.Sprintf("%s: %d elements, were %d", path, b.Len(), a.Len())
	}
	if a.Kind() == reflect.Slice && a.IsNil() != b.IsNil() && format != "gob" {
		return path + ": one is nil, the other empty"
	}
	for i := range a.Len() {
		if why := differ(format, a.Index(i), b.Index(i), fmt.Sprintf("%s[%d]", path, i)); why != "" {
			return why
		}
	}
	return ""
}

func differPairs(format string, a, b reflect.Value, path string) string {
	if a.Len() != b.Len() {
		return fmt.Sprintf("%s: %d pairs, were %d", path, b.Len(), a.Len())
	}
	if a.IsNil() != b.IsNil() && format != "gob" {
		return path + ": one is nil, the other empty"
	}
	for pairs := a.MapRange(); pairs.Next(); {
		found := b.MapIndex(pairs.Key())
		if !found.IsValid() {
			return fmt.Sprintf("%s: no key %v", path, pairs.Key())
		}
		if why := differ(format, pairs.Value(), found, fmt.Sprintf("%s[%v]", path, pairs.Key())); why != "" {
			return why
		}
	}
	return ""
}

func differFields(format string, a, b reflect.Value, path string) string {
	for i := range a.NumField() {
		f := a.Type().Field(i)
		tag := f.Tag.Get("json")
		if cbor := f.Tag.Get("cbor"); format == "cbor" && cbor != "" {
			tag = cbor
		}
		at := path + "." + f.Name
		switch {
		case !f.IsExported() && !f.Anonymous, tag == "-" && format != "gob":
			continue
		case optionalTag(tag) && isEmptyValue(a.Field(i)) && isEmptyValue(b.Field(i)):
			continue
		}
		if why := differ(format, a.Field(i), b.Field(i), at); why != "" {
			return why
		}
	}
	return ""
}

// differSpecial compares values of types for which Go's own equality is too strict or too loose. ok is false for other
// types.
func differSpecial(a, b reflect.Value) (why string, ok bool) {
	if !a.CanInterface() || a.Kind() == reflect.Interface {
		return "", false
	}
	var same bool
	switch x := a.Interface().(type) {
	case time.Time:
		y := b.Interface().(time.Time)
		_, offset := x.Zone()
		_, offset2 := y.Zone()
		same = x.Equal(y) && offset == offset2
	case big.Int:
		y := b.Interface().(big.Int)
		same = x.Cmp(&y) == 0
	case big.Rat:
		y := b.Interface().(big.Rat)
		same = x.Cmp(&y) == 0
	case big.Float:
		y := b.Interface().(big.Float)
		same = x.Cmp(&y) == 0
	default:
		return differOwn(a, b)
	}
	if !same {
		return fmt.Sprintf("%v, was %v", b, a), true
	}
	return "", true
}
