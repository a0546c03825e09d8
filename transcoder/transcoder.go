// Package transcoder turns session attributes into bytes and back. Attributes are encoded one by one: only what was set
// is encoded, only what is read is decoded, and an attribute that the program does not know keeps its bytes.
//
// How to choose:
//
//	                            CBOR (default)       JSON                      Gob
//	size of a small struct      small                about 1.3 times that      about 1.8 times that: the type goes along
//	speed                       fastest              1 to 3 times slower       6 to 30 times slower
//	hostile bytes               bounded              bounded                   trusted or sealed stores only, see Gob
//	read by other languages     yes                  yes                       no
//	integers                    all                  all; float64 in an any    all
//	NaN, infinities             yes                  error                     yes
//	complex numbers             error                error                     yes
//	[]byte                      as it is             base64                    as it is
//	time.Time                   zone, nanoseconds    zone, nanoseconds         zone, nanoseconds
//	nil or empty slice, map     told apart           told apart                not told apart
//	big.Int                     survives             float64 in an any         survives
//	map with integer keys       survives, not in any string keys in an any     survives
//	nil in a []any, []*T        survives             survives                  error
//	pointer to zero in a struct survives             survives                  error
//	pointer to a nil slice, map error                error                     error in a struct
//	value in an interface       error, but for any   error, but for any        needs gob.Register
//	any that holds a struct     comes back as map    comes back as map         needs gob.Register
//	chan or func field          error                error                     error, unless nil
//	embedded unexported struct  survives             survives                  error
//
// Whatever Marshal accepts, Unmarshal brings back into the type that it had. Marshal refuses a value that would come
// back different or not at all, with an error that names the field and the fix:
//
//   - a type with fields that would be lost: two stored under one name, because of their tags or because one shadows an
//     embedded one; an embedded pointer to an unexported struct; a struct with unexported fields only (accepted: a mutex,
//     and within another value a zero struct); a struct that encodes itself by a method of an embedded field and has other fields,
//   - a type that has a method to encode itself but none to decode itself, and a type whose methods to encode itself have a
//     pointer receiver, where they are not called: by value in a map or an any (JSON, Gob). Elsewhere they are called,
//   - a pointer to what is stored as nil: to a nil pointer, slice, map or any, and to the zero time (CBOR),
//   - keys of a map that could not be found again: NaN, pointers, times in most zones, integers in a map[any]T (CBOR),
//   - an integer in an any that a float64 would round (JSON), a map without string keys within an any (CBOR),
//   - an empty json.Number or json.RawMessage (JSON) or cbor.RawMessage (CBOR) in a field that is not omitempty,
//   - a cycle, a time zone with seconds in its offset; more than 1 MiB; invalid UTF-8 in a string, more than 16 nested
//     levels, more than 10,000 elements or pairs in one slice or map, and 100,000 in all (CBOR, JSON).
//
// What comes back is equal in this sense: a time has the same instant and offset, but not its monotonic reading and the
// name of its zone; a nil slice or map may be empty where the table says so or the tag says omitempty; two pointers to
// one value may come back as pointers to two. A value in an any comes back as the format's own type for it (int64 or float64, string,
// []any, map[string]any, …), in JSON a time as a string, and in CBOR the zero time as nil. A json.RawMessage comes back
// as the same JSON.
//
// Some things are left out without an error, because the author of the type wants that: unexported fields of a struct
// that has exported ones (such as a mutex, or the extra fields of an oauth2.Token), fields tagged "-", what omitempty
// and omitzero leave out, and what a type's own methods do not write. CBOR reads json struct tags where there is no
// cbor tag, so a type that is tagged for JSON works with both.
//
// Types are checked once. Some values can only be checked by decoding them: those with a type that has methods of its
// own (other than time.Time), with a struct in an any, or with keys other than strings, booleans and integers. Such a
// value is decoded once before it is stored.
package transcoder

import (
	"errors"
	"fmt"
	"reflect"
)

// Transcoder turns one attribute's value into bytes and back. Implementations are safe for concurrent use and never
// panic, whatever value or bytes they are given.
type Transcoder interface {
	// Name is stored with every session, so that a later reader knows the format. It matches [a-z0-9]{1,32} and never
	// changes for a format.
	Name() string

	// Marshal returns an encoding of v that Unmarshal brings back into v's type, or an error. A pointer to an interface
	// stands for the value in the interface, to be read back into the interface's type. The caller owns the returned
	// bytes, which share no memory with v.
	Marshal(v any) ([]byte, error)

	// Unmarshal decodes all of data into the value that v points to. v must be a non-nil pointer, and should point to a
	// zero value: anything else may be merged with what is decoded. The value shares no memory with data. After an
	// error it may be half filled and should be dropped.
	Unmarshal(data []byte, v any) error
}

// ByName returns the transcoder with that name: "cbor", "json" or "gob". Any other name is an error. Use it for a name
// from an environment variable or from a stored session.
func ByName(name string) (Transcoder, error) {
	for _, t := range []Transcoder{CBOR(), JSON(), Gob()} {
		if t.Name() == name {
			return t, nil
		}
	}
	return nil, fmt.Errorf("unknown transcoder %q: use cbor, json or gob", name)
}

// report is deferred by every operation. It adds the name of the operation to the error, and turns a panic, of an
// encoder or of a method of the value, into an error: bytes from a store must not end a program.
func report(operation string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v", p)
	}
	if *err != nil {
		*err = fmt.Errorf("%s: %w", operation, *err)
	}
}

// checkTarget refuses a target that nothing can be decoded into. Gob would decode into nil without an error.
func checkTarget(v any) error {
	target := reflect.ValueOf(v)
	switch {
	case !target.IsValid():
		return errors.New("the target is nil, not a pointer")
	case target.Kind() != reflect.Pointer:
		return fmt.Errorf("the target is a %T, not a pointer", v)
	case target.IsNil():
		return fmt.Errorf("the target is a nil %T", v)
	}
	return nil
}
