package transcoder_test

import (
	"encoding/hex"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gomsm/msm/transcoder"
)

// nest wraps v in that many slices.
func nest(v any, levels int) any {
	for range levels {
		v = []any{v}
	}
	return v
}

func pairs(n int) map[int]int {
	m := make(map[int]int, n)
	for i := range n {
		m[i] = i
	}
	return m
}

// TestCBORLimitsOfValues checks that what is just inside a limit comes back, and that what is just outside is not
// stored.
func TestCBORLimitsOfValues(t *testing.T) {
	for sentence, c := range map[string]struct {
		inside, outside any
		names           string // the limit in the error
	}{
		"levels of nesting":       {nest(1, 16), nest(1, 17), "nested level 16"},
		"levels that end in maps": {nest(map[string]int{}, 15), nest(map[string]int{}, 16), "nested level 16"},
		"elements of a slice":     {make([]int, 10_000), make([]int, 10_001), "10000 for CBOR array"},
		"elements deep in a map":  {map[string]any{"a": make([]int, 10_000)}, map[string]any{"a": make([]int, 20_000)}, "10000 for CBOR array"},
		"pairs of a map":          {pairs(10_000), pairs(10_001), "10000 for CBOR map"},
		"strings that are UTF-8":  {"\u00e4", "\xe4", "UTF-8"},
		"bytes of a struct field": {struct{ A []byte }{[]byte{0xff}}, struct{ A string }{"\xff"}, "UTF-8"},
	} {
		t.Run(sentence, func(t *testing.T) {
			in := reflect.New(reflect.TypeOf(c.inside))
			if err := roundTrip(transcoder.CBOR(), c.inside, in.Interface()); err != nil {
				t.Errorf("inside: %v", err)
			}
			_, err := transcoder.CBOR().Marshal(c.outside)
			if err == nil || !strings.Contains(err.Error(), c.names) || !strings.HasPrefix(err.Error(), "encode: ") {
				t.Errorf("outside: %v, want an error that names %q", err, c.names)
			}
		})
	}
}

// TestCBORLimitsOfBytes checks the same limits for bytes, which need not come from Marshal.
func TestCBORLimitsOfBytes(t *testing.T) {
	for sentence, c := range map[string]struct{ inside, outside string }{
		"levels of nesting":             {strings.Repeat("81", 16) + "01", strings.Repeat("81", 17) + "01"},
		"levels of tags":                {strings.Repeat("d864", 16) + "01", strings.Repeat("d864", 18) + "01"},
		"elements of an array":          {"992710" + strings.Repeat("00", 10_000), "992711" + strings.Repeat("00", 10_001)},
		"elements in all":               {"89" + rows(9), "8a" + rows(10)},
		"bytes":                         {"5a000ffffb" + strings.Repeat("00", 1<<20-5), "5a000ffffc" + strings.Repeat("00", 1<<20-4)},
		"definite length of an array":   {"8101", "9f01ff"},
		"definite length of a map":      {"a16161" + "01", "bf6161" + "01ff"},
		"definite length of a string":   {"6161", "7f6161ff"},
		"different keys":                {"a2616101616202", "a2616101616102"},
		"UTF-8 in a string":             {"62c3a4", "62c328"},
		"no bytes behind the value":     {"01", "0101"},
		"as many bytes as were claimed": {"43010203", "44010203"},
		"lengths that are there":        {"80", "9b7fffffffffffffff"},
		"a time that is one":            {"c074323033302d30312d30325430333a30343a30355a", "c0613f"},
		"string keys in an any":         {"a1616101", "a10101"},
		"values that are well-formed":   {"f6", "fc"},
		"at least one value":            {"00", ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			if err := transcoder.CBOR().Unmarshal(unhex(c.inside), new(any)); err != nil {
				t.Errorf("inside: %v", err)
			}
			err := transcoder.CBOR().Unmarshal(unhex(c.outside), new(any))
			if err == nil || !strings.HasPrefix(err.Error(), "decode: ") {
				t.Errorf("outside: %v", err)
			}
		})
	}
}

// rows returns arrays of 10,000 zeros.
func rows(n int) string { return strings.Repeat("992710"+strings.Repeat("00", 10_000), n) }

func unhex(s string) []byte {
	data, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return data
}

// TestCBORIntoAny checks that what is in an any comes back as the type that the comment of CBOR names.
func TestCBORIntoAny(t *testing.T) {
	greatest := new(big.Int).SetUint64(math.MaxUint64)
	noon := time.Date(2030, 1, 2, 12, 0, 0, 5, time.FixedZone("", 3600))
	for sentence, c := range map[string]struct{ in, want any }{
		"an int is an int64":              {1, int64(1)},
		"a uint is an int64 if it fits":   {uint64(math.MaxInt64), int64(math.MaxInt64)},
		"and a big.Int if not":            {uint64(math.MaxUint64), greatest},
		"the least int64":                 {int64(math.MinInt64), int64(math.MinInt64)},
		"a float32 is a float64":          {float32(0.5), 0.5},
		"bytes are bytes":                 {[]byte{1}, []byte{1}},
		"a struct is a map":               {struct{ A int }{1}, map[string]any{"A": int64(1)}},
		"a map in a map is no map of any": {map[string]any{"m": map[string]int{"a": 1}}, map[string]any{"m": map[string]any{"a": int64(1)}}},
		"nil is nil":                      {nil, nil},
		"the zero time is nil":            {time.Time{}, nil},
		"a time is a time":                {noon, noon},
	} {
		var got any
		if err := roundTrip(transcoder.CBOR(), c.in, &got); err != nil {
			t.Errorf("%s: %v", sentence, err)
		} else if at, ok := got.(time.Time); ok && !at.Equal(noon) || !ok && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v, want %#v", sentence, got, c.want)
		}
	}
}

func TestCBORDoesNotGuess(t *testing.T) {
	for sentence, c := range map[string]struct{ in, target any }{
		"a number is no time":          {1, new(time.Time)},
		"a string is no time":          {"2030-01-02T03:04:05Z", new(time.Time)},
		"bytes are no string":          {[]byte("a"), new(string)},
		"a string is no bytes":         {"a", new([]byte)},
		"a float is no integer":        {1.5, new(int)},
		"a negative number is no uint": {-1, new(uint8)},
		"a time is no string":          {time.Unix(0, 0).UTC(), new(int)},
	} {
		if err := roundTrip(transcoder.CBOR(), c.in, c.target); err == nil {
			t.Errorf("%s: no error", sentence)
		}
	}
}

func TestCBORFieldNamesMatchExactly(t *testing.T) {
	type before struct{ ID, Id int }
	type after struct{ ID int }
	var got after
	if err := roundTrip(transcoder.CBOR(), before{1, 2}, &got); err != nil || got.ID != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}
