package transcoder

import (
	"bytes"
	"errors"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// cborTranscoder holds the encoding and decoding modes, which are built once and never change.
type cborTranscoder struct {
	enc       cbor.EncMode
	canonical cbor.EncMode // with sorted keys
	dec       cbor.DecMode
	shapes    *shapes
}

// Compile-time check.
var _ Transcoder = (*cborTranscoder)(nil)

var cborShared = newCBOR()

// CBOR returns the transcoder for RFC 8949, msm's default: the smallest and the fastest of the three.
//
// Numbers have their shortest encoding. The order of a map's keys is not fixed: equal maps may have different bytes.
// Types that implement cbor.Marshaler, encoding.BinaryMarshaler or encoding.TextMarshaler encode themselves. In an any,
// integers come back as int64, or as *big.Int where they do not fit; times come back as time.Time.
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
	sorted := cborEncOptions()
	sorted.Sort = cbor.SortBytewiseLexical
	canonical, err := sorted.EncMode()
	if err != nil {
		panic(err)
	}
	return &cborTranscoder{enc: enc, dec: dec, canonical: canonical, shapes: &shapes{
		tags:    []string{"cbor", "json"},
		methods: []method{byCBOR, byBinary, byText},
		special: map[reflect.Type]special{
			timeType:                           {check: checkCBORTime, null: isZeroTime},
			reflect.TypeFor[cbor.RawMessage](): {check: checkCBORRaw, null: isCBORNull, odd: true},
			reflect.TypeFor[cbor.Tag]():        {null: isZeroTag, odd: true},
		},
		codec: codec{enc.Marshal, dec.Unmarshal},
		null:  cborNull,
	}}
}

// cborNull is the encoding of nil.
const cborNull = "\xf6"

func cborEncOptions() cbor.EncOptions {
	return cbor.EncOptions{
		Sort:          cbor.SortNone, // nobody compares encodings, and sorting costs
		ShortestFloat: cbor.ShortestFloat16,
		Time:          cbor.TimeRFC3339Nano, // the only mode that keeps both the zone and the nanoseconds
		TimeTag:       cbor.EncTagRequired,  // so that a time in an any comes back as a time, not as a string
		IndefLength:   cbor.IndefLengthForbidden,
		TagsMd:        cbor.TagsAllowed,              // times (tag 0) and big integers (tags 2, 3) need them
		TextMarshaler: cbor.TextMarshalerTextString,  // without it, a big.Rat would be stored as an empty map
		NilContainers: cbor.NilContainerAsNull,       // nil and empty stay different
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
		// Unknown tags are accepted. They cost no more than an array of one element and count as a level when nested,
		// and to forbid tags would forbid times.
		TagsMd:         cbor.TagsAllowed,
		IntDec:         cbor.IntDecConvertSignedOrBigInt,
		BigIntDec:      cbor.BigIntDecodePointer,
		DefaultMapType: reflect.TypeFor[map[string]any](),
		UTF8:           cbor.UTF8RejectInvalid,
		// If case did not matter, a struct that lost one of its fields ID and Id could no longer be decoded.
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		TextUnmarshaler:   cbor.TextUnmarshalerTextString,
	}
}

// Name implements Transcoder.
func (*cborTranscoder) Name() string { return "cbor" }

// Marshal implements Transcoder.
func (c *cborTranscoder) Marshal(v any) (data []byte, err error) {
	defer report("encode", &err)
	in, doubt, err := c.shapes.inspect(v)
	if err != nil {
		return nil, err
	}
	if data, err = c.enc.Marshal(in); err != nil {
		return nil, err
	}
	if err = c.check(data); err != nil {
		return nil, unreadable(err)
	}
	if err = c.shapes.again(data, v, doubt, c.same); err != nil {
		return nil, err
	}
	return data, nil
}

// same reports whether two values have the same encoding, but for the order of a map's keys.
func (c *cborTranscoder) same(in, out any, _ []byte) (bool, error) {
	a, err := c.canonical.Marshal(in)
	if err != nil {
		return false, err
	}
	b, err := c.canonical.Marshal(out)
	return bytes.Equal(a, b), err
}

// Unmarshal implements Transcoder.
func (c *cborTranscoder) Unmarshal(data []byte, v any) (err error) {
	defer report("decode", &err)
	if err = checkTarget(v); err != nil {
		return err
	}
	if len(data) > maxTotal { // else there are no more elements
		if err = c.check(data); err != nil {
			return err
		}
	}
	return discreet(c.dec.Unmarshal(data, v))
}

// check refuses bytes that Unmarshal would refuse, or that cost too much.
func (c *cborTranscoder) check(data []byte) error {
	if err := checkSize(len(data)); err != nil {
		return err
	}
	if err := c.dec.Wellformed(data); err != nil {
		return err
	}
	return checkContent(data)
}

// checkCBORTime does what checkZone does, and also refuses a zero time outside UTC: the zero time is written as nil,
// without its zone.
func checkCBORTime(v reflect.Value) error {
	if err := checkZone(v); err != nil {
		return err
	}
	at := v.Interface().(time.Time)
	if _, offset := at.Zone(); offset != 0 && at.IsZero() {
		return errors.New("the zero time in a zone other than UTC, which would come back in UTC; use time.Time{}")
	}
	return nil
}

func isZeroTime(v reflect.Value) bool { return v.Interface().(time.Time).IsZero() }

func isZeroTag(v reflect.Value) bool { return v.IsZero() }

// checkCBORRaw refuses an empty message, which is read back as the encoding of nil.
func checkCBORRaw(v reflect.Value) error {
	if v.Len() == 0 {
		return errors.New("an empty cbor.RawMessage, which would come back as the encoding of nil; give it a value")
	}
	return nil
}

func isCBORNull(v reflect.Value) bool { return v.Len() == 0 || string(v.Bytes()) == cborNull }

const (
	cborBytes = 2 // major types
	cborText  = 3
)

// checkContent refuses invalid UTF-8 in the text strings of a well-formed encoding without indefinite lengths, and too
// many elements. Such an encoding is a sequence of heads, and each string's bytes follow its head, so the nesting need
// not be followed.
func checkContent(data []byte) error {
	for heads := 1; len(data) > 0; heads++ {
		if heads > maxTotal {
			return errTotal
		}
		major := data[0] >> 5
		argument, size := cborHead(data)
		data = data[size:]
		if major != cborBytes && major != cborText {
			continue
		}
		if major == cborText && !utf8.Valid(data[:argument]) {
			return errUTF8
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
