package transcoder

import (
	"bytes"
	"encoding/gob"
	"errors"
	"reflect"
)

// gobTranscoder uses a new encoder for each value. A shared one would write a type only once, and no value could be
// decoded without the ones before it.
type gobTranscoder struct{ shapes *shapes }

// Compile-time check.
var _ Transcoder = (*gobTranscoder)(nil)

var gobShared = &gobTranscoder{shapes: &shapes{
	methods:    []method{byGob, byBinary},
	special:    map[reflect.Type]special{timeType: {check: checkZone}},
	codec:      codec{encodeGob, readGob},
	byAddress:  true,
	interfaces: true,
	nils:       true,
}}

// Gob returns the transcoder for encoding/gob. It is for Go types that the other two cannot carry, where speed and size
// do not matter. A type that stands in an interface must be registered with gob.Register.
//
// Use it only with a store that nobody else can write to, or with encryption on, which seals the records. Package gob
// is not made for hostile bytes. Twice, nested input could exhaust the stack, which no recover stops (CVE-2022-30635,
// CVE-2024-34156). And gob trusts the stored length of a map, so that a few bytes can ask for all memory. This
// transcoder checks lengths, numbers and nesting before it decodes anything.
//
// One attribute has at most 1 MiB, and the limits of CBOR() in numbers and nesting. A nil in a slice or map of interfaces
// is an error.
func Gob() Transcoder { return gobShared }

// Name implements Transcoder.
func (*gobTranscoder) Name() string { return "gob" }

// Marshal implements Transcoder.
func (g *gobTranscoder) Marshal(v any) (data []byte, err error) {
	defer report("encode", &err)
	in, doubt, err := g.shapes.inspect(v)
	if err != nil {
		return nil, err
	}
	if data, err = encodeGob(in); err != nil {
		return nil, err
	}
	if err = checkSize(len(data)); err != nil {
		return nil, err
	}
	if err = lookAtGob(data); err != nil {
		return nil, err
	}
	if err = g.shapes.again(data, v, doubt, nil); err != nil {
		return nil, err
	}
	return data, nil
}

func encodeGob(v any) ([]byte, error) {
	var buf bytes.Buffer
	if err := gob.NewEncoder(&buf).Encode(v); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// Unmarshal implements Transcoder.
func (*gobTranscoder) Unmarshal(data []byte, v any) (err error) {
	defer report("decode", &err)
	if err = checkTarget(v); err != nil {
		return err
	}
	if err = checkSize(len(data)); err != nil {
		return err
	}
	return readGob(data, v)
}

// readGob decodes the only value in data, once it has been looked at.
func readGob(data []byte, v any) error {
	if err := lookAtGob(data); err != nil {
		return err
	}
	r := bytes.NewReader(data) // has ReadByte, so that gob reads no further than it needs
	if err := gob.NewDecoder(r).Decode(v); err != nil {
		return discreet(err)
	}
	if r.Len() > 0 {
		return errors.New("trailing bytes")
	}
	return nil
}
