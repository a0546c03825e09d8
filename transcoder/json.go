package transcoder

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// jsonTranscoder is encoding/json with its silent losses turned into errors.
type jsonTranscoder struct{ shapes *shapes }

// Compile-time check.
var _ Transcoder = (*jsonTranscoder)(nil)

var jsonShared = &jsonTranscoder{shapes: &shapes{
	leaves: []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()},
	tags:   []string{"json"},
}}

// JSON returns the transcoder for encoding/json: for sessions that people or other languages read.
//
// Typed integers survive in full; in an any every number comes back as float64, which rounds integers beyond 2^53. A
// struct matches field names without regard to case. Of duplicate keys the last one wins: telling would take a parser
// of our own, and no value of ours encodes to them. An unpaired surrogate escape (only a json.RawMessage can bring
// one) is read as U+FFFD.
func JSON() Transcoder { return jsonShared }

// Name implements Transcoder.
func (*jsonTranscoder) Name() string { return "json" }

// Marshal implements Transcoder.
func (j *jsonTranscoder) Marshal(v any) (data []byte, err error) {
	defer report("encode", &err)
	if _, err = j.shapes.inspect(v); err != nil {
		return nil, err
	}
	if data, err = json.Marshal(v); err != nil {
		return nil, err
	}
	if replaced(data) {
		return nil, errors.New("a string is not valid UTF-8; use []byte")
	}
	if err = checkJSON(data); err != nil {
		return nil, fmt.Errorf("no one could read it again: %w", err)
	}
	return data, nil
}

// Unmarshal implements Transcoder.
func (*jsonTranscoder) Unmarshal(data []byte, v any) (err error) {
	defer report("decode", &err)
	if err = checkTarget(v); err != nil {
		return err
	}
	if err = checkJSON(data); err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// replaced reports whether encoding/json has put U+FFFD in place of an invalid byte. It writes the escape then, whereas
// it writes the character itself for a valid U+FFFD, so that the two differ. The escape counts if an odd number of
// backslashes begins it. A json.RawMessage that holds the escape is refused too: it cannot be told apart.
func replaced(data []byte) bool {
	escape := []byte(`\ufffd`)
	for {
		at := bytes.Index(data, escape)
		if at < 0 {
			return false
		}
		before := data[:at]
		if (len(before)-len(bytes.TrimRight(before, `\`)))%2 == 0 {
			return true
		}
		data = data[at+len(escape):]
	}
}

// checkJSON refuses invalid UTF-8, which encoding/json replaces in silence, and nesting beyond maxDepth, of which it
// would take 10,000 levels.
func checkJSON(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("not valid UTF-8")
	}
	if jsonDepth(data) > maxDepth {
		return fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	return nil
}

// jsonDepth returns how deep arrays and objects are nested. Of data that is not JSON, it may return any depth up to
// the one at which a parser would see the error.
func jsonDepth(data []byte) int {
	depth, deepest := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = stringEnd(data, i)
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		}
	}
	return deepest
}

// stringEnd returns where the string that begins at start ends: at its closing quote, or at the end of data.
func stringEnd(data []byte, start int) int {
	for i := start + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(data)
}
