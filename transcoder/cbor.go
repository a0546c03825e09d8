package transcoder

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// maxElements bounds one array, and the pairs of one map, that bytes may ask for. A session of 256 KiB, msm's default,
// has no room for many more.
const maxElements = 10_000

// cborTranscoder holds the modes, which are built once and immutable.
type cborTranscoder struct {
	enc    cbor.EncMode
	dec    cbor.DecMode
	shapes *shapes
}

// Compile-time check.
var _ Transcoder = (*cborTranscoder)(nil)

var cborShared = newCBOR()

// CBOR returns the transcoder for RFC 8949, msm's default: the smallest and the fastest of the three.
//
// Encodings are the shortest for each number. The order of a map's keys is not fixed: equal maps may have different
// bytes. Types that implement cbor.Marshaler, encoding.BinaryMarshaler or encoding.TextMarshaler encode themselves.
// Into an any, integers come back as int64, or as *big.Int where they do not fit; times as time.Time.
func CBOR() Transcoder { return cborShared }

func newCBOR() *cborTranscoder {
	enc, err := cborEncOptions().EncMode()
	if err != nil {
		panic(err) // a mistake in the options; any test finds it
	}
	dec, err := cborDecOptions().DecMode()
	if err != nil {
		panic(err)
	}
	return &cborTranscoder{enc: enc, dec: dec, shapes: &shapes{
		leaves: []reflect.Type{
			reflect.TypeFor[cbor.Marshaler](),
			reflect.TypeFor[encoding.BinaryMarshaler](),
			reflect.TypeFor[encoding.TextMarshaler](),
		},
		tags: []string{"cbor", "json"},
		keys: true,
	}}
}

func cborEncOptions() cbor.EncOptions {
	return cbor.EncOptions{
		Sort:          cbor.SortNone, // nobody compares encodings, and sorting costs
		ShortestFloat: cbor.ShortestFloat16,
		Time:          cbor.TimeRFC3339Nano, // the only mode that keeps both the zone and the nanoseconds
		TimeTag:       cbor.EncTagRequired,  // so that a time in an any comes back as a time, not as a string
		IndefLength:   cbor.IndefLengthForbidden,
		TagsMd:        cbor.TagsAllowed,              // times (tag 0) and big integers (tags 2, 3) need them
		TextMarshaler: cbor.TextMarshalerTextString,  // without it, a big.Rat would be stored as an empty map
		NilContainers: cbor.NilContainerAsNull,       // nil and empty stay apart
		NaNConvert:    cbor.NaNConvertPreserveSignal, // shortest, with all its bits
	}
}

func cborDecOptions() cbor.DecOptions {
	return cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		TimeTag:          cbor.DecTagRequired, // a stored number or string is not a time
		MaxNestedLevels:  maxDepth,
		MaxArrayElements: maxElements,
		MaxMapPairs:      maxElements,
		IndefLength:      cbor.IndefLengthForbidden,
		// Unknown tags are let through: they cost no more than an array of one, count as a level when nested, and
		// forbidding tags would forbid times.
		TagsMd:         cbor.TagsAllowed,
		IntDec:         cbor.IntDecConvertSignedOrBigInt,
		BigIntDec:      cbor.BigIntDecodePointer,
		DefaultMapType: reflect.TypeFor[map[string]any](),
		UTF8:           cbor.UTF8RejectInvalid,
		// Without regard to case, a struct that lost one of its fields ID and Id would no longer decode.
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		TextUnmarshaler:   cbor.TextUnmarshalerTextString,
	}
}

// Name implements Transcoder.
func (*cborTranscoder) Name() string { return "cbor" }

// Marshal implements Transcoder.
func (c *cborTranscoder) Marshal(v any) (data []byte, err error) {
	defer report("encode", &err)
	doubtful, err := c.shapes.inspect(v)
	if err != nil {
		return nil, err
	}
	if data, err = c.enc.Marshal(v); err != nil {
		return nil, err
	}
	if err = c.readable(data, v, doubtful); err != nil {
		return nil, fmt.Errorf("no one could read it again: %w", err)
	}
	return data, nil
}

// readable applies the limits of decoding to what was encoded. It reads the heads only, but decodes doubtful values:
// whether the keys of a map[any]any are still different after encoding shows in no other way.
func (c *cborTranscoder) readable(data []byte, v any, doubtful bool) error {
	if err := c.dec.Wellformed(data); err != nil {
		return err
	}
	if err := checkText(data); err != nil || !doubtful {
		return err
	}
	return c.dec.Unmarshal(data, reflect.New(reflect.TypeOf(v)).Interface())
}

// Unmarshal implements Transcoder.
func (c *cborTranscoder) Unmarshal(data []byte, v any) (err error) {
	defer report("decode", &err)
	if err = checkTarget(v); err != nil {
		return err
	}
	return c.dec.Unmarshal(data, v)
}

const (
	cborBytes = 2 // major types
	cborText  = 3
)

// checkText looks for invalid UTF-8 in the text strings of a well-formed encoding without indefinite lengths. Such an
// encoding is a row of heads, each string's bytes behind its head, so that the nesting need not be followed.
func checkText(data []byte) error {
	for len(data) > 0 {
		major := data[0] >> 5
		argument, size := cborHead(data)
		data = data[size:]
		if major != cborBytes && major != cborText {
			continue
		}
		if major == cborText && !utf8.Valid(data[:argument]) {
			return errors.New("a string is not valid UTF-8; use []byte")
		}
		data = data[argument:]
	}
	return nil
}

// cborHead returns a head's argument and its size in bytes.
func cborHead(data []byte) (argument uint64, size int) {
	info := data[0] & 0x1f
	if info < 24 {
		return uint64(info), 1
	}
	size = 1 + 1<<(info-24)
	for _, b := range data[1:size] {
		argument = argument<<8 | uint64(b)
	}
	return argument, size
}
