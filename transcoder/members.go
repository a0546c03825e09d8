package transcoder

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

var (
	errEmbedded = errors.New("it embeds a pointer to an unexported struct, which no decoder can make; embed the struct itself, or name and export the field")
	errHidden   = errors.New("it embeds an unexported struct, whose fields this format leaves out; name and export the field")
	errLeaf     = errors.New("it embeds what encodes itself, which embedded it does not; name the field")
)

// member is a field as the encoder sees it.
type member struct {
	reflect.StructField
	field  field
	stored bool
	omit   bool   // the encoder may leave it out if it is empty
	name   string // under which it is stored; empty for an embedded struct, whose fields are stored in its place
	err    error
}

// member returns a field as the encoder sees it. An unexported field is stored only for the fields of a struct that it
// embeds.
func (s *shapes) member(f reflect.StructField) member {
	m := member{StructField: f, field: field{index: f.Index[0]}}
	if s.tags == nil {
		s.untagged(&m)
		return m
	}
	tag := s.tag(f)
	if tag == "-" {
		return m
	}
	name, options, _ := strings.Cut(tag, ",")
	if strings.ContainsFunc(name, s.invalid) {
		name = ""
	}
	t, isPointer := embedded(f)
	if m.stored = f.IsExported() || t != nil && s.hasFields(t); !m.stored {
		if f.Anonymous && t == nil {
			m.field.look = isUnset
		}
		return m
	}
	options = "," + options + ","
	m.omit = strings.Contains(options, ",omitempty,") || strings.Contains(options, ",omitzero,")
	if kind := f.Type.Kind(); kind != reflect.Struct && kind != reflect.Array { // of these, not every zero value is left out
		m.field.optional = m.omit
	}
	switch {
	case isPointer && !f.IsExported():
		m.err = errEmbedded
	case t != nil && name == "":
		if s.encodesItself(t) {
			m.err = errLeaf
		}
		return m
	case s.quotes && strings.Contains(options, ",string,") && pointee(f.Type).Kind() == reflect.String:
		m.field.look = validText
	}
	if m.name = name; name == "" {
		m.name = f.Name
	}
	if n, err := strconv.Atoi(m.name); err == nil && strings.Contains(options, ",keyasint,") {
		m.name = fmt.Sprint("integer ", n)
	}
	return m
}

func (s *shapes) tag(f reflect.StructField) string {
	for _, name := range s.tags {
		if tag := f.Tag.Get(name); tag != "" {
			return tag
		}
	}
	return ""
}

// invalid reports whether encoding/json does not accept r in a name; it then uses the name of the field.
func (s *shapes) invalid(r rune) bool {
	return s.quotes && !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// embedded returns the struct that the field embeds, or nil.
func embedded(f reflect.StructField) (t reflect.Type, isPointer bool) {
	if !f.Anonymous {
		return nil, false
	}
	t = f.Type
	if t.Kind() == reflect.Pointer {
		t, isPointer = t.Elem(), true
	}
	if t.Kind() != reflect.Struct {
		return nil, false
	}
	return t, isPointer
}

// untagged describes a field for a format that uses Go's field names, and embeds nothing.
func (s *shapes) untagged(m *member) {
	t, _ := embedded(m.StructField)
	base := pointee(m.Type)
	switch kind := base.Kind(); {
	case !m.IsExported():
		if t != nil && s.hasFields(t) {
			m.err = errHidden
		} else if m.Anonymous && t == nil {
			m.field.look = isUnset
		}
	case kind == reflect.Chan || kind == reflect.Func:
		m.field.look = isNil
	default:
		m.stored = true
		if m.Type.Kind() == reflect.Pointer {
			m.field.look = s.isWritten
		}
	}
}

// hasFields reports whether the encoder sees a field of the struct. above holds the structs that embed it.
func (s *shapes) hasFields(t reflect.Type, above ...reflect.Type) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		if s.tag(f) == "-" {
			continue
		}
		if f.IsExported() {
			return true
		}
		if inner, _ := embedded(f); inner != nil && !slices.Contains(above, inner) && s.hasFields(inner, append(above, t)...) {
			return true
		}
	}
	return false
}

// writes reports whether the encoder writes something for every value of the struct.
func (s *shapes) writes(t reflect.Type) bool {
	for i := range t.NumField() {
		m := s.member(t.Field(i))
		if !m.stored {
			continue
		}
		if t, isPointer := embedded(m.StructField); t != nil && m.name == "" {
			if !isPointer && s.writes(t) {
				return true
			}
		} else if !m.omit {
			return true
		}
	}
	return false
}

// checkNames refuses a struct with two fields that would be stored under one name: encoders write only one of them, or
// none.
func (s *shapes) checkNames(t reflect.Type) error {
	if s.tags == nil {
		return nil
	}
	return s.collect(t, t.String(), map[string]string{}, map[reflect.Type]bool{})
}

// collect adds the names of a struct's fields, and of those that it embeds, to names, each with its path. A name that
// is there already is an error. above holds the structs that embed this one.
func (s *shapes) collect(t reflect.Type, path string, names map[string]string, above map[reflect.Type]bool) error {
	above[t] = true
	defer delete(above, t)
	for i := range t.NumField() {
		m := s.member(t.Field(i))
		if !m.stored {
			continue
		}
		at := path + "." + m.Name
		if inner, _ := embedded(m.StructField); inner != nil && m.name == "" {
			if above[inner] {
				return fmt.Errorf("%s embeds %v in itself, which would be lost; name the field", at, inner)
			}
			if err := s.collect(inner, at, names, above); err != nil {
				return err
			}
			continue
		}
		if other, ok := names[m.name]; ok {
			return fmt.Errorf("%s and %s are both stored as %q, so that one would be lost; rename one, or leave it out by the tag %s:\"-\"",
				other, at, m.name, s.tags[len(s.tags)-1])
		}
		names[m.name] = at
	}
	return nil
}
