package transcoder_test

import (
	"encoding/gob"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gomsm/msm/transcoder"
)

func TestGobBoundsItsInput(t *testing.T) {
	err := transcoder.Gob().Unmarshal(make([]byte, 1<<20+1), new(int))
	if err == nil || !strings.Contains(err.Error(), "more than 1048576") {
		t.Errorf("got %v", err)
	}
	data, err := transcoder.Gob().Marshal(make([]byte, 1<<20-100))
	if err == nil {
		err = transcoder.Gob().Unmarshal(data, new([]byte))
	}
	if err != nil {
		t.Errorf("just inside: %v", err)
	}
}

// TestGobDoesNotBelieveTheLengthOfAMap changes a stored length from 2 pairs to 2^22. Package gob alone makes a map of
// that size.
func TestGobDoesNotBelieveTheLengthOfAMap(t *testing.T) {
	data, err := transcoder.Gob().Marshal(map[string]int{"a": 1, "b": 2})
	if err != nil {
		t.Fatal(err)
	}
	data = claimPairs(t, data)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = transcoder.Gob().Unmarshal(data, new(map[string]int))
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Error("no error")
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

// TestGobBelievesNoLengthInAnInterface: T-10. What stands in an interface is looked at, too, however deep.
func TestGobBelievesNoLengthInAnInterface(t *testing.T) {
	gob.Register(map[string]int{})
	gob.Register(map[string]any{})
	gob.Register([]any{})
	gob.Register(holder{})
	pairs := map[string]int{"a": 1, "b": 2}
	for sentence, v := range map[string]any{
		"in a slice":                []any{pairs},
		"in a map":                  map[string]any{"x": pairs},
		"in a slice in a slice":     []any{[]any{"x", []any{pairs}}},
		"in a struct":               holder{X: pairs},
		"in a struct in a struct":   holder{X: holder{X: pairs}},
		"behind another struct":     []any{holder{X: 1}, holder{X: []any{pairs}}},
		"in a type of another name": map[string]any{"x": holder{X: map[string]any{"y": pairs}}},
	} {
		t.Run(sentence, func(t *testing.T) {
			data, err := transcoder.Gob().Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			target := reflect.New(reflect.TypeOf(v))
			if err := transcoder.Gob().Unmarshal(data, target.Interface()); err != nil || !reflect.DeepEqual(target.Elem().Interface(), v) {
				t.Fatalf("%v: %v", target.Elem(), err)
			}
			hostile := slices.Clone(data)
			at := max(strings.LastIndex(string(hostile), "\x02\x01a\x02\x01b\x04"), strings.LastIndex(string(hostile), "\x02\x01b\x04\x01a\x02"))
			hostile[at] = 0x7f // pairs that are not there
			if err := transcoder.Gob().Unmarshal(hostile, target.Interface()); err == nil {
				t.Error("a length that is not true was believed")
			}
			for n := range data {
				if err := transcoder.Gob().Unmarshal(data[:n], target.Interface()); err == nil {
					t.Errorf("cut off after %d of %d bytes, it was read", n, len(data))
				}
			}
		})
	}
}

type holder struct{ X any }

// TestGobLimits: T-10. Gob has the limits of the other formats, for what is stored and for what is read.
func TestGobLimits(t *testing.T) {
	for sentence, c := range map[string]struct {
		v    any
		want string // in the error; empty: it is stored
	}{
		"10,000 elements":         {make([]int8, 10_000), ""},
		"10,001 elements":         {make([]int8, 10_001), "10001 elements, more than 10000"},
		"100,000 in all":          {rowsOf(10_000, 9), ""},
		"more than 100,000":       {rowsOf(10_000, 11), "more than 100000 elements in all"},
		"16 levels":               {levels(15), ""},
		"17 levels":               {levels(16), "nested deeper than 16"},
		"bytes are no elements":   {make([]byte, 100_000), ""},
		"too many in interfaces":  {[]any{make([]string, 10_001)}, "10001 elements, more than 10000"},
		"too deep in interfaces":  {[]any{levels(15)}, "nested deeper than 16"},
		"a complex number or two": {[]complex128{1i, 2}, ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			gob.Register(c.v)
			gob.Register(&level{})
			_, err := transcoder.Gob().Marshal(c.v)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
}

func rowsOf(elements, rows int) (list [][]int8) {
	for range rows {
		list = append(list, make([]int8, elements))
	}
	return list
}

type level struct{ Next *level }

// levels returns a struct with so many others in it.
func levels(n int) *level {
	if n == 0 {
		return &level{}
	}
	return &level{levels(n - 1)}
}

// claimPairs replaces the length 2 by 2^22. It stands behind the value's own length, its type id and a zero byte.
func claimPairs(t *testing.T, data []byte) []byte {
	t.Helper()
	start := len(data) - len("\x02\x01a\x02\x01b\x04")
	if data[start] != 2 {
		t.Fatalf("%x is not laid out as expected", data)
	}
	message := int(data[0]) + 1
	data = slices.Replace(data, start, start+1, 0xfd, 0x40, 0, 0)
	data[message] += 3
	return data
}
