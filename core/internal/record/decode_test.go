package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestUnknownFormatIsToldFromCorruption(t *testing.T) {
	tests := map[string]struct {
		change func(b []byte) []byte
		want   error
	}{
		"the next format":                      {func(b []byte) []byte { b[0] = 2; return withChecksum(b) }, ErrFormat},
		"format 0":                             {func(b []byte) []byte { b[0] = 0; return withChecksum(b) }, ErrFormat},
		"a format that a bad network made":     {func(b []byte) []byte { b[0] = 2; return b }, ErrCorrupt},
		"another format, of one byte":          {func([]byte) []byte { return []byte{9} }, ErrCorrupt},
		"an unknown flag":                      {func(b []byte) []byte { b[1] |= knownFlags + 1; return withChecksum(b) }, ErrFormat},
		"an unknown flag and a wrong checksum": {func(b []byte) []byte { b[1] |= knownFlags + 1; return b }, ErrCorrupt},
		"a route that is not there":            {func(b []byte) []byte { b[1] |= flagRoute; return withChecksum(b) }, ErrCorrupt},
		"a cookie that is not there":           {func(b []byte) []byte { b[1] |= flagCookie; return withChecksum(b) }, ErrCorrupt},
		"a route without a name":               {func([]byte) []byte { return withoutName("r") }, ErrCorrupt},
		"no bytes":                             {func([]byte) []byte { return nil }, ErrCorrupt},
		"only a format":                        {func([]byte) []byte { return []byte{1} }, ErrCorrupt},
		"a header and nothing else":            {func(b []byte) []byte { return withChecksum(b[:7]) }, ErrCorrupt},
		"a byte behind the record":             {func(b []byte) []byte { return append(b, 0) }, ErrCorrupt},
		"a checksummed byte behind the values": {func(b []byte) []byte { return withChecksum(append(b, 0)) }, ErrCorrupt},
		"a wrong checksum":                     {func(b []byte) []byte { b[len(b)-1]++; return b }, ErrCorrupt},
		"a key id without a seal":              {func(b []byte) []byte { b[2] = 1; return withChecksum(b) }, ErrCorrupt},
		"a seal without a key id":              {func(b []byte) []byte { b[1] |= flagSealed; return withChecksum(b) }, ErrCorrupt},
		"a sealed tombstone": {func([]byte) []byte {
			r := shut()
			r.Tombstone = true
			return r.Append(nil)
		}, ErrCorrupt},
		"flags of the body outside of the seal": {func([]byte) []byte {
			b := shut().Append(nil)
			b[1] |= flagCookie
			return withChecksum(b)
		}, ErrCorrupt},
		"a placement longer than the record":    {func(b []byte) []byte { b[3] = 0xff; return withChecksum(b) }, ErrCorrupt},
		"a placement one byte too long":         {func(b []byte) []byte { b[6]++; return withChecksum(b) }, ErrCorrupt},
		"a placement one byte too short":        {func(b []byte) []byte { b[6]--; return withChecksum(b) }, ErrCorrupt},
		"another session's end behind this one": {func(b []byte) []byte { return append(b, b...) }, ErrCorrupt},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := Decode(test.change(full().Append(nil)))
			if !errors.Is(err, test.want) || r != nil {
				t.Errorf("%+v, %v; want %v", r, err, test.want)
			}
		})
	}
}

// TestRecordsThatBreakARuleAreCorrupt relies on Append, which writes whatever it is given, so that Decode meets records
// that break a rule.
func TestRecordsThatBreakARuleAreCorrupt(t *testing.T) {
	value := []byte("v")
	tests := map[string]*Record{
		"65 writes":                     {Writes: stamps(MaxStamps + 1)},
		"65 requests":                   {Requests: stamps(MaxStamps + 1)},
		"17 copies":                     {Copies: make([]Copy, MaxCopies+1)},
		"40,001 attributes":             {Attributes: numbered(MaxAttributes + 1)},
		"a write without an id":         {Writes: []Stamp{{0, now}}},
		"attributes not sorted":         {Attributes: []Attribute{{"b", value}, {"a", value}}},
		"the same attribute twice":      {Attributes: []Attribute{{"a", value}, {"a", value}}},
		"two attributes without a name": {Attributes: []Attribute{{"", value}, {"", value}}},
		"a name of 64 KiB":              {Attributes: []Attribute{{strings.Repeat("n", MaxName+1), value}}},
		"a home of 64 KiB":              {Home: strings.Repeat("n", MaxName+1)},
		"a copy's node of 64 KiB":       {Copies: []Copy{{Node: strings.Repeat("n", MaxName+1)}}},
		"a principal of 64 KiB":         {Login: Login{At: now, Principal: strings.Repeat("p", MaxName+1), Handle: "h"}},
		"a principal without a handle":  {Login: Login{At: now, Principal: "ann"}},
		"a transcoder of 64 KiB":        {Transcoder: strings.Repeat("t", MaxName+1)},
	}
	for name, r := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := Decode(r.Append(nil)); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func numbered(n int) (list []Attribute) {
	for i := range n {
		list = append(list, Attribute{fmt.Sprintf("%05d", i), nil})
	}
	return list
}

// raw builds a record from the bytes of its parts, with right lengths and a right checksum.
func raw(placement, names, values []byte) []byte {
	b := []byte{FormatVersion, 0, 0}
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(placement))), placement...)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(names))), names...)
	return withChecksum(append(append(b, values...), 0, 0, 0, 0))
}

func TestHandMadePartsAreRead(t *testing.T) {
	mustDecode(t, raw([]byte{0, 0, 0, 0, 0, 0}, []byte{0, 0, 0, 0, 0, 0}, nil))
	mustDecode(t, raw([]byte{0, 0, 0, 0, 0, 0}, []byte{0, 0, 0, 0, 0, 1, 1, 'a', 2}, []byte("vv")))
}

func TestCorruptParts(t *testing.T) {
	placement, names := []byte{0, 0, 0, 0, 0, 0}, []byte{0, 0, 0, 0, 0, 0}
	huge := binary.AppendUvarint(nil, math.MaxUint64)
	tests := map[string]struct{ placement, names, values []byte }{
		"a term in two bytes that needs one": {slices.Concat([]byte{0x80, 0}, placement[1:]), names, nil},
		"a term that ends in a zero byte":    {slices.Concat([]byte{0x81, 0x80, 0}, placement[1:]), names, nil},
		"a term over 64 bits": {
			slices.Concat(bytes.Repeat([]byte{0xff}, 9), []byte{2}, placement[1:]), names, nil},
		"a term of eleven bytes": {
			slices.Concat(bytes.Repeat([]byte{0xff}, 10), []byte{1}, placement[1:]), names, nil},
		"a term that never ends":                   {bytes.Repeat([]byte{0xff}, 64), names, nil},
		"a home longer than the placement":         {[]byte{0, 0, 200, 0, 0, 0}, names, nil},
		"a home of 2^64-1 bytes":                   {slices.Concat([]byte{0, 0}, huge, []byte{0, 0, 0}), names, nil},
		"more copies than there is room for":       {[]byte{0, 0, 0, 16, 0, 0}, names, nil},
		"2^64-1 copies":                            {slices.Concat([]byte{0, 0, 0}, huge, []byte{0, 0}), names, nil},
		"a copy whose node eats its epoch":         {[]byte{0, 0, 0, 1, 3, 'a', 'b', 'c', 0, 0, 0}, names, nil},
		"more writes than there is room for":       {[]byte{0, 0, 0, 0, 16, 0}, names, nil},
		"2^64-1 requests":                          {slices.Concat([]byte{0, 0, 0, 0, 0}, huge), names, nil},
		"a byte behind the requests":               {append(slices.Clone(placement), 0), names, nil},
		"an empty placement":                       {nil, names, nil},
		"an empty body":                            {placement, nil, nil},
		"a byte behind the names":                  {placement, append(slices.Clone(names), 0), nil},
		"a byte behind the values":                 {placement, names, []byte{1}},
		"2^64-1 attributes":                        {placement, slices.Concat(names[:5], huge), nil},
		"more attributes than there is room for":   {placement, slices.Concat(names[:5], []byte{100, 1, 'a', 0}), nil},
		"a value longer than what is there":        {placement, slices.Concat(names[:5], []byte{1, 1, 'a', 2}), []byte("v")},
		"a value of 2^64-1 bytes":                  {placement, slices.Concat(names[:5], []byte{1, 1, 'a'}, huge), []byte("v")},
		"values shorter than what is there":        {placement, slices.Concat(names[:5], []byte{1, 1, 'a', 1}), []byte("vv")},
		"a name cut off":                           {placement, slices.Concat(names[:5], []byte{1, 5, 'a', 1}), []byte("v")},
		"an idle timeout that is not shortest":     {placement, []byte{0, 0, 0x80, 0, 0, 0, 0}, nil},
		"a creation time that is cut off":          {placement, []byte{0xff}, nil},
		"a last access in more bytes than it need": {placement, []byte{0, 0x80, 0, 0, 0, 0, 0}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := Decode(raw(test.placement, test.names, test.values))
			if !errors.Is(err, ErrCorrupt) || r != nil {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

func TestValuesPointIntoTheInputAndNotIntoEachOther(t *testing.T) {
	b := full().Append(nil)
	r := mustDecode(t, b)
	_ = append(r.Attributes[0].Value, "overwritten"...)
	if value, _ := r.Get("user"); string(value) != "\x63bob" {
		t.Errorf("appending to one value changed the next to %q", value)
	}
	if !bytes.Contains(b, r.Attributes[1].Value) || !bytes.Equal(b, full().Append(nil)) {
		t.Error("the input changed")
	}
}

func TestDecodedNamesDoNotPointIntoTheInput(t *testing.T) {
	b := full().Append(nil)
	r := mustDecode(t, b)
	clear(b)
	if r.Home != "n1" || r.Copies[1].Node != "n2" || r.Transcoder != "cbor" || r.Attributes[0].Name != "cart" {
		t.Errorf("%+v", r)
	}
}

// withoutName returns a record that is flagged as having a route, whose name is empty.
func withoutName(route string) []byte {
	r := full()
	r.Route = route
	b := r.Append(nil)
	at := bytes.Index(b, append([]byte{byte(len(route))}, route...))
	b[at] = 0
	b = slices.Delete(b, at+1, at+1+len(route))
	binary.BigEndian.PutUint32(b[headerSize:], binary.BigEndian.Uint32(b[headerSize:])-uint32(len(route)))
	return withChecksum(b)
}
