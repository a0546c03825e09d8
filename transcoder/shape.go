package transcoder

import (
	"fmt"
	"reflect"
	"sync"
	"time"
)

var timeType = reflect.TypeFor[time.Time]()

// shapes knows, for one format, what becomes of a type: whether no value of it could be read again, and whether some
// could not, so that its values need a look. Each type is studied once.
type shapes struct {
	tags       []string // struct tags with names and options, the first that is there counts; none if there are no names
	methods    []method // by which types encode themselves, in the encoder's order
	special    map[reflect.Type]special
	codec      codec
	null       string   // how nil is written; a pointer to what is written so comes back as nil
	quotes     bool     // the option "string" of a tag, and encoding/json's rule for names
	byAddress  bool     // methods with a pointer receiver are called on addressable values only
	floats     bool     // every number in an any comes back as float64
	nils       bool     // a nil in an interface may be unreadable
	interfaces bool     // the decoder can fill interfaces other than any
	known      sync.Map // reflect.Type to *shape
}

// codec is the format without any check.
type codec struct {
	encode func(v any) ([]byte, error)
	decode func(data []byte, v any) error
}

// special is what there is to know about a type that a format treats unlike others of its kind.
type special struct {
	check func(reflect.Value) error // what would be altered
	null  func(reflect.Value) bool  // what is written as nil
	odd   bool                      // see shape
}

// shape is what there is to know about a type.
type shape struct {
	special
	err     error   // no value can be stored: what comes back would be another, or nothing would
	plain   bool    // no value of the type needs a look
	leaf    bool    // encodes itself by a method
	bare    bool    // a struct of which the encoder sees nothing
	keys    bool    // a map in which different keys may have the same encoding, or come back as others
	address bool    // the encoder uses the type's methods only where the value has an address
	compare bool    // what a decoder makes of it may be another value
	fields  []field // a struct's fields that need a look
}

// field is a field that needs a look.
type field struct {
	index    int
	optional bool                      // left out if it is zero
	look     func(reflect.Value) error // before the value itself is looked at
}

func (s *shapes) of(t reflect.Type) *shape {
	if known, ok := s.known.Load(t); ok {
		return known.(*shape)
	}
	found := (&study{shapes: s, found: map[reflect.Type]*shape{}}).of(t)
	s.known.Store(t, found)
	return found
}

// study is one look at a type and at all that it is made of. Only the type itself is remembered by shapes: what was found
// out about a part of a recursive type lacks what is above it.
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
	s.found[t] = new(shape) // what a recursive type finds below itself: it may hold a cycle
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
			return &shape{err: errCycle} // a type that is a pointer to itself; encoders look for its end
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

// makeStruct finds a struct bare only if it has fields.
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

// embeddedPointer returns what an embedded pointer to the struct inner is asked in the struct t, if anything.
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

// idle are structs without exported fields whose contents are of no use to a reader.
var idle = map[reflect.Type]bool{
	reflect.TypeFor[sync.Mutex]():     true,
	reflect.TypeFor[sync.RWMutex]():   true,
	reflect.TypeFor[sync.Once]():      true,
	reflect.TypeFor[sync.WaitGroup](): true,
}

// distinct tells key types of which different values have different encodings, and come back. An interface may hold 1
// twice, as int and as uint; NaN is different from itself; a pointer comes back as another one; a type that encodes
// itself may do so as it likes.
func (s *shapes) distinct(key reflect.Type) bool {
	switch key.Kind() {
	case reflect.String, reflect.Bool,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return !s.encodesItself(key) && !s.decodesItself(key)
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
