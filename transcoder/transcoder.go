// Package transcoder turns session attributes into bytes and back. Attributes are encoded one by one, so that only
// what was set is encoded, only what is read is decoded, and an unknown attribute survives as the bytes that it is.
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
// What Marshal accepts, Unmarshal brings back into the type that it had. A value is refused, with an error that names the
// field and the fix, if it would come back as another one or not at all:
//
//   - a type whose fields would get lost: two stored under one name, by their tags or because one shadows an embedded one; an
//     embedded pointer to an unexported struct; a struct of which no field is exported, within a value unless it is zero (or
//     a mutex); a struct that encodes itself by a method of what it embeds, and has more fields than that,
//   - a type with a method to encode itself and none to decode itself, and one that encodes itself by methods with a pointer
//     receiver where they are not called: by value in a map or an any (JSON, Gob). Elsewhere they are,
//   - a pointer to what is stored as nil: a nil pointer, slice, map or any, and the zero time (CBOR),
//   - keys of a map that nobody would find again: NaN, pointers, times in most zones, integers in a map[any]T (CBOR),
//   - an integer in an any that a float64 would round (JSON), a map without string keys within an any (CBOR),
//   - an empty json.Number or json.RawMessage (JSON) or cbor.RawMessage (CBOR) in a field that is not omitempty,
//   - a cycle, a time zone with seconds in its offset; invalid UTF-8 in a string, more than 16 nested levels (CBOR, JSON);
//     more than 10,000 elements or pairs in one slice or map (CBOR).
//
// To come back means: times are the same by instant and offset, without their monotonic reading and the zone's name; a nil
// slice or map may be an empty one where the table says so or the tag says omitempty; pointers that were one may be two. What
// stands in an any comes back as the format's own idea of it that says the same (int64 or float64, string, []any,
// map[string]any, …), a time in JSON as a string, and the zero time in CBOR as nil. A json.RawMessage is the same JSON.
//
// Left out by the wish of who wrote the type, and no error: unexported fields of a struct that has exported ones (such as a
// mutex, or the extra fields of an oauth2.Token), fields tagged "-", what omitempty and omitzero leave out, and what a
// type's own methods do not write. CBOR reads json struct tags where there is no cbor tag, so a type that is tagged for JSON
// works with both.
//
// Types are checked once. A value with something in it that only a decoder can tell (a type with methods of its own, other
// than time.Time; a struct in an any; keys other than strings, booleans and integers) is decoded once before it is stored.
package transcoder

import (
	"errors"
	"fmt"
	"reflect"
)

// Transcoder turns one attribute's value into bytes and back. Implementations are safe for concurrent use and never
// panic, whatever value or bytes they are given.
type Transcoder interface {
	// Name is stored with every session, so that a later reader knows how it was written. It matches [a-z0-9]{1,32}
	// and never changes for a format.
	Name() string

	// Marshal returns an encoding of v that Unmarshal brings back into v's type, or an error. If v is a pointer to an
	// interface, it says the interface's type: what is stored is for that. The caller owns the returned bytes, and they
	// share no memory with v.
	Marshal(v any) ([]byte, error)

	// Unmarshal decodes all of data into the value that v points to. v is a non-nil pointer to a zero value; anything
	// else that it points to may be merged with what is decoded. The value shares no memory with data. After an error
	// the value may be half filled and should be dropped.
	Unmarshal(data []byte, v any) error
}

// maxDepth is how deep arrays and maps may be nested, in formats where bytes choose the depth. A session attribute
// that goes deeper is a mistake or an attack; 16 is half of fxamacker/cbor's own default. It is one number for all
// formats, so that changing the transcoder in a rolling deploy does not turn good values into errors.
const maxDepth = 16

// ByName returns the transcoder with that name, so that it can be chosen by an environment variable or read from a
// stored session.
func ByName(name string) (Transcoder, error) {
	for _, t := range []Transcoder{CBOR(), JSON(), Gob()} {
		if t.Name() == name {
			return t, nil
		}
	}
	return nil, fmt.Errorf("unknown transcoder %q: use cbor, json or gob", name)
}

// report is deferred by every operation. It names the operation in the error and makes an error of a panic, be it of
// an encoder or of a method of the value: bytes from a store must not end a program.
func report(operation string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v", p)
	}
	if *err != nil {
		*err = fmt.Errorf("%s: %w", operation, *err)
	}
}

// checkTarget refuses what nothing can be decoded into. Gob would read into nil, and say that all went well.
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
