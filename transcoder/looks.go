package transcoder

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// The checks of a field before its value is inspected, see field.look.

var (
	errDropped = errors.New("a channel or function, which would come back as nil; use nil, or a field that is not exported")
	errHollow  = errors.New("an embedded pointer to a struct of which nothing is written, which would come back as nil; embed the struct itself")
	errUTF8    = errors.New("a string is not valid UTF-8; use []byte")
	errInArray = errors.New("an embedded pointer that is nil, in a struct that is stored as an array, which would come back as a pointer to zero; embed the struct itself")
	errUnseen  = errors.New("it embeds what is neither exported nor a struct, which would be lost; name and export the field")
	errZero    = errors.New("a pointer to zero, which would come back as nil; use a struct with the value and a bool")
)

func (s *shapes) notHollow(v reflect.Value) error {
	if !v.IsNil() && s.isHollow(v.Elem()) {
		return errHollow
	}
	return nil
}

// isHollow reports whether the encoder writes nothing of the struct.
func (s *shapes) isHollow(v reflect.Value) bool {
	for i := range v.NumField() {
		m := s.member(v.Type().Field(i))
		if !m.stored {
			continue
		}
		inner := v.Field(i)
		if t, isPointer := embedded(m.StructField); t != nil && m.name == "" {
			if isPointer {
				inner = inner.Elem()
			}
			if inner.IsValid() && !s.isHollow(inner) {
				return false
			}
		} else if !m.omit || !isEmpty(inner) {
			return false
		}
	}
	return true
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Array:
		return v.Len() == 0
	}
	return v.IsZero()
}

// isArray reports whether a struct is stored as an array, without the names of its fields.
func (s *shapes) isArray(t reflect.Type) bool {
	f, ok := t.FieldByName("_")
	return ok && slices.Contains(s.tags, "cbor") && strings.Contains(f.Tag.Get("cbor")+",", ",toarray,")
}

func notNil(v reflect.Value) error {
	if v.IsNil() {
		return errInArray
	}
	return nil
}

func isUnset(v reflect.Value) error {
	if !v.IsZero() {
		return errUnseen
	}
	return nil
}

func isNil(v reflect.Value) error {
	if !v.IsNil() {
		return errDropped
	}
	return nil
}

// validText refuses invalid UTF-8 in a string that is encoded twice: there, what replaces an invalid byte cannot be
// seen.
func validText(v reflect.Value) error {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() == reflect.String && !utf8.ValidString(v.String()) {
		return errUTF8
	}
	return nil
}

// isWritten refuses a pointer to what would not be written, in a format that leaves out fields with a zero value.
func (s *shapes) isWritten(v reflect.Value) error {
	for depth := 0; v.Kind() == reflect.Pointer; depth++ {
		if v.IsNil() && depth == 0 {
			return nil
		}
		if v.IsNil() {
			return errPointer
		}
		if s.encodesItself(v.Type().Elem()) {
			return nil
		}
		v = v.Elem()
	}
	if isUnwritten(v) {
		return errZero
	}
	return nil
}

// isUnwritten reports whether package gob leaves out the value of a field.
func isUnwritten(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Struct, reflect.Array:
		return false
	case reflect.Slice:
		return v.Len() == 0
	case reflect.Float32, reflect.Float64:
		return v.Float() == 0 // also -0
	case reflect.Complex64, reflect.Complex128:
		return v.Complex() == 0
	}
	return v.IsZero()
}
