package transcoder

import (
	"bytes"
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
	tags:    []string{"json"},
	methods: []method{byJSON, byText},
	special: map[reflect.Type]special{
		timeType:                           {check: checkZone},
		reflect.TypeFor[json.Number]():     {check: checkNumber},
		reflect.TypeFor[json.RawMessage](): {check: checkRaw, null: isRawNull, odd: true},
	},
	codec:     codec{json.Marshal, json.Unmarshal},
	null:      "null",
	quotes:    true,
	byAddress: true,
	floats:    true,
}}

// JSON returns the transcoder for encoding/json: for sessions that people or other languages read.
//
// Typed integers come back in full. In an any every number comes back as float64. Marshal refuses an integer in an any
// that a float64 would round, but a typed integer that is read into an any is rounded. A struct matches field names
// without regard to case. Of duplicate keys the last one wins: to detect them would take a parser of our own, and no
// value of ours encodes to them. An unpaired surrogate escape (only a json.RawMessage can contain one) is read as
// U+FFFD.
func JSON() Transcoder { return jsonShared }

// Name implements Transcoder.
func (*jsonTranscoder) Name() string { return "json" }

// Marshal implements Transcoder.
func (j *jsonTranscoder) Marshal(v any) (data []byte, err error) {
	defer report("encode", &err)
	in, doubt, err := j.shapes.inspect(v)
	if err != nil {
		return nil, err
	}
	if data, err = json.Marshal(in); err != nil {
		return nil, err
	}
	if replaced(data) {
		return nil, errUTF8
	}
	if err = checkJSON(data); err != nil {
		return nil, unreadable(err)
	}
	if err = j.shapes.again(data, v, doubt, sameJSON); err != nil {
		return nil, err
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
	return discreet(json.Unmarshal(data, v))
}

// replaced reports whether encoding/json has put U+FFFD in place of an invalid byte. In that case it writes the escape,
// but for a valid U+FFFD the character itself, so the two can be told apart. The escape counts if an odd number of
// backslashes begins it. A json.RawMessage that holds the escape is refused too, because it looks the same.
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

// checkNumber refuses the zero value, which encoding/json writes as 0.
func checkNumber(v reflect.Value) error {
	if v.Len() == 0 {
		return errors.New("an empty json.Number, which would come back as 0; give it a value, or the field the tag json:\",omitempty\"")
	}
	return nil
}

// checkRaw refuses an empty message, which encoding/json writes as null and reads back as that text.
func checkRaw(v reflect.Value) error {
	if v.Len() == 0 {
		return errors.New("an empty json.RawMessage, which would come back as null; give it a value, or the field the tag json:\",omitempty\"")
	}
	return nil
}

func isRawNull(v reflect.Value) bool {
	return v.Len() == 0 || string(bytes.TrimSpace(v.Bytes())) == "null"
}

// checkJSON refuses invalid UTF-8, which encoding/json replaces silently, and what is beyond the limits. encoding/json
// itself accepts 10,000 levels.
func checkJSON(data []byte) error {
	if err := checkSize(len(data)); err != nil {
		return err
	}
	if !utf8.Valid(data) {
		return errors.New("not valid UTF-8")
	}
	return checkNesting(data)
}

// checkNesting refuses arrays and objects that are nested too deep or have too many elements, which commas separate.
// What it says of data that is not JSON does not matter: a parser refuses that.
func checkNesting(data []byte) error {
	var commas [maxDepth + 1]int // in the array or object at each depth
	total := 0
	for i, depth := 0, 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = stringEnd(data, i)
		case '[', '{':
			if depth++; depth > maxDepth {
				return fmt.Errorf("nested deeper than %d levels", maxDepth)
			}
			commas[depth] = 0
			total++ // the first element
		case ']', '}':
			depth = max(0, depth-1)
		case ',':
			commas[depth]++
			total++
		}
		if commas[depth] >= maxElements {
			return fmt.Errorf("more than %d elements in one array or object", maxElements)
		}
		if total > maxTotal {
			return errTotal
		}
	}
	return nil
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
