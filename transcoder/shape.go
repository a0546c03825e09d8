package transcoder

import (
	"reflect"
	"slices"
	"sync"
	"time"
)

var timeType = reflect.TypeFor[time.Time]()

// shapes knows, for one format, which types need a look at their values. Each type is looked at once.
type shapes struct {
	leaves  []reflect.Type // types with one of these interfaces encode themselves
	tags    []string       // struct tags that may say "-", the first that is there counts
	keys    bool           // duplicate keys are refused by the decoder
	nils    bool           // a nil in an interface may be unreadable
	methods bool           // the decoder can fill interfaces other than any
	known   sync.Map       // reflect.Type to *shape
}

// shape is what there is to know about a type.
type shape struct {
	plain  bool  // no value of the type needs a look
	bare   bool  // a struct of which the encoder sees nothing
	keys   bool  // a map in which different keys may have the same encoding
	fields []int // a struct's fields that need a look
}

func (s *shapes) of(t reflect.Type) *shape { return s.find(t, nil) }

// find returns the shape of t. path holds the types above it.
func (s *shapes) find(t reflect.Type, path []reflect.Type) *shape {
	if known, ok := s.known.Load(t); ok {
		return known.(*shape)
	}
	if slices.Contains(path, t) {
		return new(shape) // a recursive type: it may hold a cycle
	}
	found := s.make(t, append(path, t))
	s.known.Store(t, found)
	return found
}

func (s *shapes) make(t reflect.Type, path []reflect.Type) *shape {
	if t == timeType || t.Kind() == reflect.Interface {
		return new(shape)
	}
	if s.isLeaf(t) {
		return &shape{plain: true}
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return &shape{plain: s.find(t.Elem(), path).plain}
	case reflect.Map:
		keys := s.keys && !s.distinct(t.Key())
		return &shape{keys: keys, plain: !keys && s.find(t.Key(), path).plain && s.find(t.Elem(), path).plain}
	case reflect.Struct:
		return s.makeStruct(t, path)
	}
	return &shape{plain: true}
}

// makeStruct finds a struct bare only if it has fields. Within a value such a struct may be a mutex, and is no error;
// as a whole attribute it is.
func (s *shapes) makeStruct(t reflect.Type, path []reflect.Type) *shape {
	made := &shape{bare: t.NumField() > 0}
	for i := range t.NumField() {
		f := t.Field(i)
		if !s.isStored(f) {
			continue
		}
		made.bare = false
		if !s.find(f.Type, path).plain {
			made.fields = append(made.fields, i)
		}
	}
	made.plain = !made.bare && len(made.fields) == 0
	return made
}

// isStored tells whether the encoder looks at a field. Of unexported ones it does so only if they are embedded.
func (s *shapes) isStored(f reflect.StructField) bool {
	if !f.IsExported() && !f.Anonymous {
		return false
	}
	for _, name := range s.tags {
		if tag, ok := f.Tag.Lookup(name); ok {
			return tag != "-"
		}
	}
	return true
}

// isLeaf tells types that encode themselves, by value or by pointer. Of a pointer, what it points to is asked.
func (s *shapes) isLeaf(t reflect.Type) bool {
	return t.Kind() != reflect.Pointer && slices.ContainsFunc(s.leaves, func(leaf reflect.Type) bool {
		return t.Implements(leaf) || reflect.PointerTo(t).Implements(leaf)
	})
}

// distinct tells key types of which different values have different encodings. An interface may hold 1 twice, as int
// and as uint; NaN is different from itself; a type that encodes itself may do so as it likes.
func (s *shapes) distinct(key reflect.Type) bool {
	switch key.Kind() {
	case reflect.String, reflect.Bool,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return !s.isLeaf(key)
	}
	return false
}

// pointee follows pointers. Named pointer types end it, since only they can go in a circle.
func pointee(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	return t
}
