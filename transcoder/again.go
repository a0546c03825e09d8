package transcoder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
)

var (
	errAgain = errors.New("what comes back is another value")
	errKeys  = errors.New("its keys do not come back as they were, or cannot be found again; use strings or integers, of a type without methods")
)

// again decodes what was written of a doubtful value, as a later reader will. If the result may be another value, it
// must at least have the same encoding, which same compares.
func (s *shapes) again(data []byte, v any, doubt doubt, same func(a, b any, data []byte) (bool, error)) error {
	if !doubt.odd {
		return nil
	}
	out := reflect.New(reflect.TypeOf(v)).Interface()
	if err := s.codec.read(data, out); err != nil {
		return err
	}
	if !doubt.compare || same == nil {
		return nil
	}
	if ok, err := same(v, out, data); err != nil {
		return unreadable(err)
	} else if !ok {
		return errAgain
	}
	return nil
}

// read decodes, and turns a panic into an error: a method that could encode the value may panic when it decodes it.
func (c codec) read(data []byte, v any) (err error) {
	defer report("no one could read it again", &err)
	return c.decode(data, v)
}

func unreadable(err error) error { return fmt.Errorf("no one could read it again: %w", err) }

// keysReturn encodes and decodes a map's keys alone. Each key must be found again.
func (s *shapes) keysReturn(m reflect.Value) error {
	in := reflect.MakeMap(reflect.MapOf(m.Type().Key(), reflect.TypeFor[bool]()))
	for _, key := range m.MapKeys() {
		in.SetMapIndex(key, reflect.ValueOf(true))
	}
	out := reflect.New(in.Type())
	data, err := s.codec.encode(in.Interface())
	if err == nil {
		err = s.codec.decode(data, out.Interface())
	}
	if err != nil {
		return fmt.Errorf("%v: %w: %w", m.Type(), errKeys, err)
	}
	for _, key := range in.MapKeys() {
		if !out.Elem().MapIndex(key).IsValid() {
			return fmt.Errorf("%v: %w", m.Type(), errKeys)
		}
	}
	if out.Elem().Len() != in.Len() {
		return fmt.Errorf("%v: %w", m.Type(), errKeys)
	}
	return nil
}

// sameJSON reports whether the decoded value out would be encoded as data was. The order of an object's members and the
// notation of a number do not count.
func sameJSON(_, out any, data []byte) (bool, error) {
	again, err := json.Marshal(out)
	if err != nil {
		return false, err
	}
	a, err := parseJSON(data)
	if err != nil {
		return false, err
	}
	b, err := parseJSON(again)
	return sameTree(a, b), err
}

func parseJSON(data []byte) (tree any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return tree, d.Decode(&tree)
}

func sameTree(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && (a == b || sameNumber(string(a), string(b)))
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !sameTree(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		return sameObject(a, b)
	}
	return a == b
}

func sameObject(a map[string]any, other any) bool {
	b, ok := other.(map[string]any)
	if !ok || len(a) != len(b) {
		return false
	}
	for name, value := range a {
		if found, ok := b[name]; !ok || !sameTree(value, found) {
			return false
		}
	}
	return true
}

// sameNumber reports whether b is exactly a, or the shortest form of a float64 that is exactly a. It gets only numbers
// that a float64 has come near, so their exponents are small.
func sameNumber(a, b string) bool {
	x, ok := new(big.Rat).SetString(a)
	y, ok2 := new(big.Rat).SetString(b)
	if !ok || !ok2 {
		return false
	}
	f, _ := y.Float64()
	return x.Cmp(y) == 0 || !math.IsInf(f, 0) && x.Cmp(new(big.Rat).SetFloat64(f)) == 0
}
