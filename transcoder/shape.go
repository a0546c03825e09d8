package transcoder

import (
	"fmt"
	"reflect"
	"sync"
	"time"
)

var timeType = reflect.TypeFor[time.Time]()

// shapes knows, for one format, how each type is stored: whether none of its values could be decoded again, and whether
// some could not, so that each value must be inspected. Each type is studied once.
type shapes struct {
	tags       []string // struct tags with names and options, of which the first one present counts; nil: the format has no tags
	methods    []method // by which types encode themselves, in the order in which the encoder tries them
	special    map[reflect.Type]special
	codec      codec
	null       string   // the encoding of nil: a pointer to a value with this encoding comes back as nil. Empty: there is none
	quotes     bool     // tags may have the option "string", and names keep encoding/json's rule
	byAddress  bool     // methods with a pointer receiver are called on addressable values only
	floats     bool     // every number in an any comes back as float64
	nils       bool     // a nil in an interface may make a value unreadable
	interfaces bool     // the decoder can fill interfaces other than any
	known      sync.Map // reflect.Type to *shape
}

// codec is the bare encoder and decoder of the format, without any check.
type codec struct {
	encode func(v any) ([]byte, error)
	decode func(data []byte, v any) error
}

// special describes a type that a format treats unlike others of its kind.
type special struct {
	check func(reflect.Value) error // refuses a value that would come back changed; nil: no value does
	null  func(reflect.Value) bool  // reports whether a value is written as nil; nil: see isNull
	odd   bool                      // only decoding tells whether a value can be read again; see doubt
}

// shape describes a type.
type shape struct {
	special
	err     error   // why no value can be stored: it would come back different, or not at all
	plain   bool    // no value of the type needs to be inspected
	leaf    bool    // encodes itself by a method
	bare    bool    // a struct of which the encoder sees no field
	keys    bool    // a map in which different keys may have the same encoding, or come back different
	address bool    // the encoder uses the type's methods only where the value has an address
	compare bool    // decoding may give another value
	fields  []field // a struct's fields that must be inspected
}

// field is a struct's field that must be inspected.
type field struct {
	index    int
	optional bool                      // the encoder leaves it out if it is zero
	look     func(reflect.Value) error // a check before the value itself is inspected; nil: none
}

func (s *shapes) of(t reflect.Type) *shape {
	if known, ok := s.known.Load(t); ok {
		return known.(*shape)
	}
	found := (&study{shapes: s, found: map[reflect.Type]*shape{}}).of(t)
	s.known.Store(t, found)
	return found
}

// study examines one type and all the types that it is made of. shapes remembers only the type itself: what study finds
// out about a part of a recursive type lacks what is above that part.
type study struct {
	*shapes
	found map[reflect.Type]*shape
}

func (s *study) of(t reflect.Type) *shape {
	if known, ok := s.known.Load(t); ok {
		return known.(*shape)
	}
	if found, ok := s.found[t]; ok {
		return found
	}
	s.found[t] = new(shape) // what a recursive type finds below itself; not plain, for it may hold a cycle
	made := s.make(t)
	made.plain = made.plain && made.err == nil
	s.found[t] = made
	return made
}

func (s *study) make(t reflect.Type) *shape {
	if special, ok := s.special[t]; ok {
		return &shape{special: special}
	}
	switch t.Kind() {
	case reflect.Interface:
		return new(shape)
	case reflect.Pointer:
		return s.makePointer(t)
	}
	if made := s.makeLeaf(t); made != nil {
		return made
	}
	made := s.makeKind(t)
	if s.decodesItself(t) { // but does not encode itself
		made.odd, made.compare, made.plain = true, true, false
	}
	return made
}

func (s *study) makeKind(t reflect.Type) *shape {
	switch t.Kind() {
	case reflect.Slice:
		elem := s.of(t.Elem())
		return &shape{err: elem.err, plain: elem.plain}
	case reflect.Array:
		elem := s.of(t.Elem())
		return &shape{err: elem.err, plain: elem.plain, address: elem.address}
	case reflect.Map:
		return s.makeMap(t)
	case reflect.Struct:
		return s.makeStruct(t)
	}
	return &shape{plain: true}
}

func (s *study) makePointer(t reflect.Type) *shape {
	for base, steps := t, 0; base.Kind() == reflect.Pointer; base, steps = base.Elem(), steps+1 {
		if steps > maxSteps {
			return &shape{err: errCycle} // a type that is a pointer to itself: an encoder would follow it without end
		}
	}
	elem := s.of(t.Elem())
	made := &shape{err: elem.err, plain: elem.plain}
	switch t.Elem().Kind() { // a pointer to nil would come back as nil
	case reflect.Pointer:
		made.plain = false
	case reflect.Map, reflect.Slice, reflect.Interface:
		made.plain = made.plain && s.null == ""
	}
	return made
}

func (s *study) makeMap(t reflect.Type) *shape {
	key, elem := s.of(t.Key()), s.of(t.Elem())
	made := &shape{keys: !s.distinct(t.Key())}
	made.plain = !made.keys && key.plain && elem.plain
	switch {
	case key.err != nil:
		made.err = key.err
	case elem.err != nil:
		made.err = elem.err
	case elem.address:
		made.err = fmt.Errorf("%v: %w; use pointers: map[%v]*%v", t, errAddress, t.Key(), t.Elem())
	}
	return made
}

// makeStruct returns the shape of a struct. A struct without any field is not bare.
func (s *study) makeStruct(t reflect.Type) *shape {
	if idle[t] {
		return &shape{plain: true, bare: true}
	}
	made := &shape{bare: t.NumField() > 0, err: s.checkNames(t)}
	for i := range t.NumField() {
		m := s.member(t.Field(i))
		if inner, isPointer := embedded(m.StructField); m.stored && isPointer && m.name == "" {
			m.field.look = s.embeddedPointer(t, inner)
		}
		if made.err == nil && m.err != nil {
			made.err = inField(t, i, m.err)
		}
		if !m.stored {
			if m.field.look != nil {
				made.fields = append(made.fields, m.field)
			}
			continue
		}
		made.bare = false
		found := s.of(m.Type)
		if made.err == nil && found.err != nil {
			made.err = inField(t, i, found.err)
		}
		made.address = made.address || found.address
		if !found.plain || m.field.look != nil {
			made.fields = append(made.fields, m.field)
		}
	}
	made.plain = !made.bare && len(made.fields) == 0
	return made
}

// embeddedPointer returns the check for an embedded pointer to the struct inner in the struct t, or nil if it needs
// none.
func (s *study) embeddedPointer(t, inner reflect.Type) func(reflect.Value) error {
	switch {
	case s.tags == nil:
		return nil
	case s.isArray(t):
		return notNil
	case s.writes(inner):
		return nil
	}
	return s.notHollow
}

// idle are structs without exported fields whose contents nobody needs to read back.
var idle = map[reflect.Type]bool{
	reflect.TypeFor[sync.Mutex]():     true,
	reflect.TypeFor[sync.RWMutex]():   true,
	reflect.TypeFor[sync.Once]():      true,
	reflect.TypeFor[sync.WaitGroup](): true,
}

// distinct reports whether different keys of the type always have different encodings and come back unchanged. An
// interface may hold 1 twice, as int and as uint; NaN is different from itself; a pointer comes back as another one; a
// type that encodes itself may do so in any way.
func (s *shapes) distinct(key reflect.Type) bool {
	switch key.Kind() {
	case reflect.String, reflect.Bool,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return !s.encodesItself(key) && !s.decodesItself(key)
	}
	return false
}

// pointee returns the type behind pointers. It stops at a named pointer type, since only those can form a cycle.
func pointee(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	return t
}
