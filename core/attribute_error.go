package msm

import (
	"fmt"
	"reflect"
)

func attributeError(name string, value any, err error) error {
	return &AttributeError{Name: name, Type: typeName(value), Err: err}
}

// storable returns what a transcoder is to encode for a value. A value of an interface type becomes a pointer to the
// interface: else the transcoder would see only what is in it, and store what it cannot read back as the interface.
func storable[T any](value T) any {
	if reflect.TypeFor[T]().Kind() != reflect.Interface {
		return value
	}
	typed := new(T)
	*typed = value
	return typed
}

// typeName returns the name of the type of a value from storable.
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
