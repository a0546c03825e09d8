package transcoder_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gomsm/msm/transcoder"
	"github.com/gomsm/msm/transcoder/transcodertest"
)

func all() []transcoder.Transcoder {
	return []transcoder.Transcoder{transcoder.CBOR(), transcoder.JSON(), transcoder.Gob()}
}

func TestContract(t *testing.T) {
	for _, tc := range all() {
		t.Run(tc.Name(), func(t *testing.T) { transcodertest.Test(t, tc) })
	}
}

func TestByName(t *testing.T) {
	for _, tc := range all() {
		got, err := transcoder.ByName(tc.Name())
		if err != nil || got != tc {
			t.Errorf("ByName(%q) = %v, %v", tc.Name(), got, err)
		}
	}
	_, err := transcoder.ByName("xml")
	if err == nil || err.Error() != `unknown transcoder "xml": use cbor, json or gob` {
		t.Errorf("got %v", err)
	}
}

type friend struct {
	Name   string
	Friend *friend
	Others map[string]any
	Since  *time.Time
}

// TestCyclesAreErrors checks that no cycle reaches an encoder, where it would overflow the stack and end the program.
func TestCyclesAreErrors(t *testing.T) {
	self := &friend{Name: "self"}
	self.Friend = self
	byMap := map[string]any{}
	byMap["self"] = byMap
	bySlice := make([]any, 1)
	bySlice[0] = bySlice
	type pointer *pointer
	var p pointer
	p = &p
	for sentence, v := range map[string]any{
		"a pointer to itself":        p,
		"a struct of itself":         self,
		"a map of itself":            byMap,
		"a slice of itself":          bySlice,
		"a cycle behind other types": []any{map[string]any{"x": friend{Others: map[string]any{"y": self}}}},
	} {
		for _, tc := range all() {
			t.Run(tc.Name()+" and "+sentence, func(t *testing.T) {
				if _, err := tc.Marshal(v); err == nil || !strings.HasPrefix(err.Error(), "encode: ") {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

// TestGobRefusesNilsThatItCannotSkip checks that what gob cannot skip is not stored: Unmarshal skips a value before it
// reads it.
func TestGobRefusesNilsThatItCannotSkip(t *testing.T) {
	for sentence, v := range map[string]any{
		"in a slice":           []any{"a", nil},
		"in a map":             map[string]any{"a": nil},
		"in a map in a struct": friend{Others: map[string]any{"a": nil}},
		"in a map of errors":   map[string]error{"a": nil},
	} {
		if data, err := transcoder.Gob().Marshal(v); err == nil {
			t.Errorf("%s: stored as %x", sentence, data)
		}
	}
}

// TestExcludedFieldsAreNotLookedAt checks that a cycle through a field that is not stored is no error.
func TestExcludedFieldsAreNotLookedAt(t *testing.T) {
	type node struct {
		Name   string
		Parent *node `json:"-"`
		hidden *node
	}
	n := &node{Name: "n"}
	n.Parent, n.hidden = n, n
	for _, tc := range []transcoder.Transcoder{transcoder.CBOR(), transcoder.JSON()} {
		var got node
		if err := roundTrip(tc, n, &got); err != nil || got.Name != "n" {
			t.Errorf("%s: got %+v, %v", tc.Name(), got, err)
		}
	}
}

type explosive struct{ X int }

func (explosive) MarshalText() ([]byte, error)     { panic("boom") }
func (explosive) MarshalBinary() ([]byte, error)   { panic("boom") }
func (*explosive) UnmarshalJSON([]byte) error      { panic("boom") }
func (*explosive) UnmarshalBinary(b []byte) error  { panic("boom") }
func (*explosive) GobDecode(b []byte) error        { panic("boom") }
func (explosive) GobEncode() (b []byte, err error) { return []byte{1}, nil }

func TestPanicsOfMethodsAreErrors(t *testing.T) {
	for _, tc := range all() {
		_, err := tc.Marshal(explosive{})
		if tc.Name() != "gob" && (err == nil || !strings.Contains(err.Error(), "boom")) {
			t.Errorf("%s: Marshal: %v", tc.Name(), err)
		}
	}
	data, _ := transcoder.CBOR().Marshal([]byte("x"))
	for tc, data := range map[transcoder.Transcoder][]byte{transcoder.CBOR(): data, transcoder.JSON(): []byte("{}")} {
		if err := tc.Unmarshal(data, new(explosive)); err == nil || !strings.Contains(err.Error(), "boom") {
			t.Errorf("%s: Unmarshal: %v", tc.Name(), err)
		}
	}
}

type fails struct{ X int }

var errFails = errors.New("fails")

func (fails) MarshalJSON() ([]byte, error)   { return nil, errFails }
func (fails) MarshalBinary() ([]byte, error) { return nil, errFails }

func TestErrorsOfMethodsAreWrapped(t *testing.T) {
	for _, tc := range all() {
		if _, err := tc.Marshal(fails{}); !errors.Is(err, errFails) {
			t.Errorf("%s: %v is not %v", tc.Name(), err, errFails)
		}
	}
}

// TestLossesAreErrors checks values of which a format would silently lose something.
func TestLossesAreErrors(t *testing.T) {
	monrovia := time.Date(1970, 1, 1, 0, 0, 0, 0, time.FixedZone("MMT", -44*60-30))
	for sentence, c := range map[string]struct {
		value any
		by    string
	}{
		"a string that is not UTF-8":             {"\xff", "cbor json"},
		"a key that is not UTF-8":                {map[string]any{"\xff": 1}, "cbor json"},
		"a field that is not UTF-8":              {friend{Name: "a\xc3"}, "cbor json"},
		"an invalid byte behind an escape":       {`\\ufffd` + "\xff", "cbor json"},
		"a zone with seconds":                    {monrovia, "cbor json gob"},
		"a zone with seconds behind a pointer":   {friend{Since: &monrovia}, "cbor json gob"},
		"a zone with seconds in an any":          {map[string]any{"t": []any{monrovia}}, "cbor json gob"},
		"a year of five digits":                  {time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), "cbor json"},
		"a struct whose fields are all hidden":   {struct{ a int }{1}, "cbor json gob"},
		"a pointer to one":                       {&struct{ a int }{1}, "cbor json gob"},
		"a map whose keys encode alike":          {map[any]any{1: 1, uint(1): 2}, "cbor"},
		"an any of a map with integer keys":      {map[any]any{"m": map[any]any{1: 2}}, "cbor"},
		"an error in a field":                    {struct{ E error }{errFails}, "cbor json"},
		"an error in a slice":                    {[]error{nil, errFails}, "cbor json"},
		"a number that is none":                  {math.NaN(), "json"},
		"an attribute of more than one mebibyte": {make([]byte, 1<<20), "gob"},
	} {
		for _, tc := range all() {
			if !strings.Contains(c.by, tc.Name()) {
				continue
			}
			if data, err := tc.Marshal(c.value); err == nil {
				t.Errorf("%s: %s was stored as %.40x", tc.Name(), sentence, data)
			}
		}
	}
}

// TestTypesWithMethodsSurvive checks types that encode themselves, or that need a tag of CBOR.
func TestTypesWithMethodsSurvive(t *testing.T) {
	huge, _ := new(big.Int).SetString("-123456789012345678901234567890", 10)
	for _, tc := range all() {
		t.Run(tc.Name(), func(t *testing.T) {
			var integer big.Int
			if err := roundTrip(tc, huge, &integer); err != nil || integer.Cmp(huge) != 0 {
				t.Errorf("big.Int: got %v, %v", &integer, err)
			}
			var ratio big.Rat
			if err := roundTrip(tc, big.NewRat(1, 3), &ratio); err != nil || ratio.Cmp(big.NewRat(1, 3)) != 0 {
				t.Errorf("big.Rat: got %v, %v", &ratio, err)
			}
			var float big.Float
			if err := roundTrip(tc, big.NewFloat(0.5), &float); err != nil || float.Cmp(big.NewFloat(0.5)) != 0 {
				t.Errorf("big.Float: got %v, %v", &float, err)
			}
		})
	}
}

// TestMutexIsNoObstacle checks that a struct with a mutex is stored, although nobody needs the mutex back.
func TestMutexIsNoObstacle(t *testing.T) {
	type cart struct {
		sync.Mutex
		Items []string
	}
	for _, tc := range []transcoder.Transcoder{transcoder.CBOR(), transcoder.JSON()} {
		var got cart
		if err := roundTrip(tc, &cart{Items: []string{"a"}}, &got); err != nil || len(got.Items) != 1 {
			t.Errorf("%s: got %v, %v", tc.Name(), got.Items, err)
		}
	}
}

func roundTrip(tc transcoder.Transcoder, in, out any) error {
	data, err := tc.Marshal(in)
	if err != nil {
		return err
	}
	return tc.Unmarshal(data, out)
}

func Example() {
	type cart struct {
		Items []string
		Until time.Time
	}
	tc := transcoder.CBOR()
	data, err := tc.Marshal(cart{[]string{"tea"}, time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)})
	if err != nil {
		panic(err)
	}
	var c cart
	if err := tc.Unmarshal(data, &c); err != nil {
		panic(err)
	}
	fmt.Println(tc.Name(), c.Items, c.Until.Format(time.RFC3339Nano))
	// Output: cbor [tea] 2030-01-02T03:04:05.000000006Z
}

func ExampleByName() {
	tc, err := transcoder.ByName("json")
	fmt.Println(tc.Name(), err)
	_, err = transcoder.ByName("xml")
	fmt.Println(err)
	// Output:
	// json <nil>
	// unknown transcoder "xml": use cbor, json or gob
}
