package transcodertest

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gomsm/msm/transcoder"
)

// visitor is what applications store: some scalars, a time, something nested, something optional.
type visitor struct {
	Name    string
	Visits  int
	Score   float64
	Member  bool
	Since   time.Time
	Tags    []string
	Address address
	Friend  *address
	Counts  map[string]int
	Avatar  []byte
}

type address struct {
	Street string
	Number uint16
}

func someVisitor() visitor {
	return visitor{
		Name: "Zoë \x00 <&>", Visits: -3, Score: 0.1, Member: true,
		Since: time.Date(2024, 2, 29, 23, 59, 58, 123456789, time.FixedZone("", -(3*60+30)*60)),
		Tags:  []string{"a", ""}, Address: address{"Main St", 65535}, Friend: &address{"Side St", 1},
		Counts: map[string]int{"x": 1, "y": math.MinInt64}, Avatar: []byte{0, 0xff, '"', 0x80},
	}
}

// kind is one test case: a value, encoded and decoded.
type kind struct {
	run func(t *testing.T, tc transcoder.Transcoder)
}

// must returns the case of a value that every format carries.
func must[T any](in T) kind { return roundTrip(in, true) }

// may returns the case of a value that a format carries or refuses.
func may[T any](in T) kind { return roundTrip(in, false) }

func roundTrip[T any](in T, required bool) kind {
	return kind{func(t *testing.T, tc transcoder.Transcoder) {
		data, err := marshal(tc, in)
		if err != nil && !required {
			t.Skipf("refused: %v", err)
		}
		if err != nil {
			t.Fatalf("Marshal: %v", err)
		}
		var out T
		if err := unmarshal(tc, data, &out); err != nil {
			t.Fatalf("Unmarshal(%.100x): %v", data, err)
		}
		if !same(reflect.ValueOf(in), reflect.ValueOf(out)) {
			t.Errorf("got %.300s, want %.300s", fmt.Sprint(out), fmt.Sprint(in))
		}
	}}
}

func testValues(t *testing.T, tc transcoder.Transcoder) {
	for _, group := range []map[string]kind{numbers(), texts(), times(), composites(), doubtful()} {
		for sentence, k := range group {
			t.Run(sentence, func(t *testing.T) { k.run(t, tc) })
		}
	}
}

func numbers() map[string]kind {
	return map[string]kind{
		"zero":                        must(0),
		"a small negative integer":    must(int8(-128)),
		"the least int64":             must(int64(math.MinInt64)),
		"the greatest int64":          must(int64(math.MaxInt64)),
		"the greatest uint64":         must(uint64(math.MaxUint64)),
		"an integer beyond 2^53":      must(int64(1<<53 + 1)),
		"true":                        must(true),
		"false":                       must(false),
		"a float that is no sum of 2": must(0.1),
		"the greatest float":          must(math.MaxFloat64),
		"the smallest float":          must(math.SmallestNonzeroFloat64),
		"a float32":                   must(float32(3.14)),
		"an own integer type":         must(time.Duration(90)),
		"NaN":                         may(math.NaN()),
		"infinity":                    may(math.Inf(-1)),
		"negative zero":               may(math.Copysign(0, -1)),
		"a complex number":            may(complex(1, 2)),
	}
}

func texts() map[string]kind {
	return map[string]kind{
		"an empty string":               must(""),
		"a string with quotes and NUL":  must("a\"b\\\x00\n<&>\u2028"),
		"a string of many planes":       must("Zoë 漢字 🙂"),
		"the replacement character":     must("\ufffd"),
		"what looks like an escape":     must(`\ufffd \\ufffd`),
		"a long string":                 must(strings.Repeat("ä", 50_000)),
		"bytes that are no text":        must([]byte{0xff, 0, 0xc3, 0x28}),
		"many bytes":                    must(make([]byte, 100_000)),
		"an array of bytes":             must([4]byte{1, 2, 3, 255}),
		"a string that is not UTF-8":    may("\xff"),
		"a key that is not UTF-8":       may(map[string]int{"\xff": 1, "\xfe": 2}),
		"invalid UTF-8 deep in a value": may(map[string][]visitor{"a": {{Tags: []string{"ok", "a\xc3"}}}}),
	}
}

func times() map[string]kind {
	zone := func(seconds int) time.Time { return time.Date(2024, 2, 29, 1, 2, 3, 4, time.FixedZone("", seconds)) }
	return map[string]kind{
		"a time in UTC":                        must(time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)),
		"a time with nanoseconds":              must(time.Unix(1, 999_999_999).UTC()),
		"a time east of Greenwich":             must(zone(5*3600 + 45*60)),
		"a time west of Greenwich":             must(zone(-11 * 3600)),
		"the zero time":                        must(time.Time{}),
		"a time long ago":                      may(time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)),
		"a time in the far future":             may(time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)),
		"a zone with seconds":                  may(zone(-44*60 - 30)),
		"a zone with seconds, deep in a value": may([]*visitor{{Since: zone(1)}}),
		"a zone of a day":                      may(zone(24 * 3600)),
	}
}

func composites() map[string]kind {
	friend := &address{"Side St", 1}
	return map[string]kind{
		"a struct":                   must(someVisitor()),
		"a zero struct":              must(visitor{}),
		"a pointer to a struct":      must(&address{"Main St", 1}),
		"a pointer to a pointer":     must(&friend),
		"a slice":                    must([]int{1, -1, 0}),
		"a long slice":               must(make([]int64, 5_000)),
		"a slice of structs":         must([]address{{"a", 1}, {}}),
		"an array":                   must([3]string{"a", "", "c"}),
		"a map":                      must(map[string]int{"": 0, "a": 1}),
		"a map of structs":           must(map[string]address{"a": {"b", 2}}),
		"a map with integer keys":    must(map[int64]string{-1: "a", math.MaxInt64: "b"}),
		"a map of any":               must(map[string]any{"s": "x", "b": true, "f": 1.5}),
		"a slice of strings":         must([]string{"", "x"}),
		"slices in slices":           must([][]int{{1}, {2, 3}}),
		"an empty slice of integers": must([]int{}),
		"an empty map":               must(map[string]int{}),
	}
}

func doubtful() map[string]kind {
	zero := 0
	return map[string]kind{
		"a nil slice":                 may([]int(nil)),
		"a nil map":                   may(map[string]int(nil)),
		"a nil pointer":               may((*visitor)(nil)),
		"a pointer to zero":           may(&zero),
		"nil":                         may[any](nil),
		"a map of nested any":         may(map[string]any{"m": map[string]any{"l": []any{"x", nil}}}),
		"a map with equal keys":       may(map[any]int{1: 1, uint(1): 2}),
		"a map with keys of any":      may(map[any]int{"a": 1, "b": 2}),
		"a map with float keys":       may(map[float64]int{0.5: 1}),
		"a slice of any":              may([]any{"x", nil}),
		"a value of an interface":     may([]error{nil}),
		"a struct that hides all":     may(struct{ hidden int }{1}),
		"an alias of time":            may(disguised(time.Unix(1, 0))),
		"a slice of 200,000 elements": may(make([]int8, 200_000)), // more than a CBOR decoder accepts by default
		"nesting of 1,000 levels":     may(nested(1_000)),
	}
}

type disguised time.Time

type chain struct {
	Level int
	Next  *chain
}

func nested(levels int) *chain {
	var c *chain
	for i := range levels {
		c = &chain{i, c}
	}
	return c
}
