package transcoder_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/gomsm/msm/transcoder"
)

// record has a field of each kind that decoders treat differently.
type record struct {
	S string
	I int8
	U uint64
	F float32
	B []byte
	T time.Time
	L []record
	M map[string]*record
	P *int
	A [2]int
	X any
}

// The seeds are in testdata/fuzz: encodings of every kind of value, and typical beginnings of hostile ones.

func FuzzCBOR(f *testing.F) { fuzz(f, transcoder.CBOR()) }

func FuzzJSON(f *testing.F) { fuzz(f, transcoder.JSON()) }

func FuzzGob(f *testing.F) { fuzz(f, transcoder.Gob()) }

// fuzz decodes any bytes into every kind of target. What can be decoded and encoded again must decode again.
func fuzz(f *testing.F, tc transcoder.Transcoder) {
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, target := range []any{
			new(any), new(record), new(map[string]any), new(map[any]any), new(map[string]int), new([]any), new([]string),
			new(string), new([]byte), new(int), new(time.Time),
		} {
			if tc.Unmarshal(data, target) == nil {
				again(t, tc, reflect.ValueOf(target).Elem())
			}
		}
	})
}

func again(t *testing.T, tc transcoder.Transcoder, value reflect.Value) {
	data, err := tc.Marshal(value.Interface())
	if err != nil {
		return
	}
	if err := tc.Unmarshal(data, reflect.New(value.Type()).Interface()); err != nil {
		t.Errorf("%#v was stored as %x and does not come back: %v", value.Interface(), data, err)
	}
}
