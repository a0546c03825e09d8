package transcodertest

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"github.com/gomsm/msm/transcoder"
)

// maxAllocated is how many bytes may be allocated to decode a few hundred. Package gob's steps of 10 MB fit in, but not
// a stored length that is trusted blindly.
const maxAllocated = 64 << 20

func testIsolation(t *testing.T, tc transcoder.Transcoder) {
	in := someVisitor()
	data := mustMarshal(t, tc, in)
	kept := slices.Clone(data)

	var out visitor
	if err := unmarshal(tc, data, &out); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, kept) {
		t.Error("Unmarshal changed its input")
	}
	wipe(data)
	if want := someVisitor(); !same(reflect.ValueOf(want), reflect.ValueOf(out)) {
		t.Errorf("the decoded value changed with the input: %+v", out)
	}

	data = mustMarshal(t, tc, []byte("first"))
	kept = slices.Clone(data)
	wipe(mustMarshal(t, tc, []byte("other")))
	if !bytes.Equal(data, kept) {
		t.Error("two encodings share memory")
	}
}

func wipe(data []byte) {
	for i := range data {
		data[i] = 0xAA
	}
}

func testFailures(t *testing.T, tc transcoder.Transcoder) {
	number, text, value := mustMarshal(t, tc, 7), mustMarshal(t, tc, "text"), mustMarshal(t, tc, someVisitor())
	for sentence, c := range map[string]struct {
		data   []byte
		target any
	}{
		"no bytes at all":               {nil, new(int)},
		"a number read as a string":     {number, new(string)},
		"a number read as a struct":     {number, new(visitor)},
		"a string read as a number":     {text, new(int)},
		"a string read as a slice":      {text, new([]int)},
		"a struct read as a slice":      {value, new([]string)},
		"a greater number than fits":    {mustMarshal(t, tc, 300), new(int8)},
		"a negative number as unsigned": {mustMarshal(t, tc, -1), new(uint)},
		"a value twice":                 {slices.Concat(value, value), new(visitor)},
		"a value and a zero byte":       {append(slices.Clone(value), 0), new(visitor)},
		"a value and a letter":          {append(slices.Clone(value), 'x'), new(visitor)},
	} {
		if err := unmarshal(tc, c.data, c.target); err == nil {
			t.Errorf("%s: no error", sentence)
		}
	}
}

func testHostile(t *testing.T, tc transcoder.Transcoder) {
	value := mustMarshal(t, tc, someVisitor())
	t.Run("every truncation of a struct is an error", func(t *testing.T) {
		for n := range value {
			if attack(t, tc, value[:n], new(visitor)) == nil {
				t.Errorf("%d of %d bytes were enough", n, len(value))
			}
		}
	})
	t.Run("no flipped bit does harm", func(t *testing.T) {
		for bit := range 8 * len(value) {
			data := slices.Clone(value)
			data[bit/8] ^= 1 << (bit % 8)
			attackAll(t, tc, data)
		}
	})
	t.Run("no changed byte of a map does harm", func(t *testing.T) { changeBytes(t, tc) })
	t.Run("no random bytes do harm", func(t *testing.T) { randomBytes(t, tc) })
}

// changeBytes gives every byte of a short encoding every value. Lengths that are too large are among them.
func changeBytes(t *testing.T, tc transcoder.Transcoder) {
	data := mustMarshal(t, tc, map[string]int{"a": 1, "b": 2})
	for i := range data {
		for b := range 256 {
			changed := slices.Clone(data)
			changed[i] = byte(b)
			attack(t, tc, changed, new(map[string]int))
		}
	}
}

func randomBytes(t *testing.T, tc transcoder.Transcoder) {
	random := rand.New(rand.NewPCG(1, 2)) // the same bytes in every run, so that a failure can be found again
	for range 2_000 {
		data := make([]byte, random.IntN(64))
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		attackAll(t, tc, data)
	}
}

func attackAll(t *testing.T, tc transcoder.Transcoder, data []byte) {
	t.Helper()
	attack(t, tc, data, new(visitor))
	attack(t, tc, data, new(any))
}

// attack decodes data and checks how much that allocates. A panic ends the test, with the bytes in its text.
func attack(t *testing.T, tc transcoder.Transcoder, data []byte, target any) error {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := unmarshal(tc, data, target)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > maxAllocated {
		t.Errorf("decoding %x into %T allocated %d bytes", data, target, n)
	}
	return err
}
