package transcodertest

import (
	"errors"
	"fmt"
	"image"
	"math"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/gomsm/msm/transcoder"
)

// testLosses encodes and decodes values of which encoders tend to lose a part silently. Each must come back as it was,
// or be refused.
func testLosses(t *testing.T, tc transcoder.Transcoder) {
	for _, group := range []map[string]any{lostFields(), lostMethods(), lostPointers(), lostKeys()} {
		for sentence, in := range group {
			t.Run(sentence, func(t *testing.T) { comesBack(t, tc, in) })
		}
	}
	t.Run("a value of an interface", func(t *testing.T) {
		in := area(square{2})
		comesBack(t, tc, &in)
	})
}

func comesBack(t *testing.T, tc transcoder.Transcoder, in any) {
	data, err := marshal(tc, in)
	if err != nil {
		t.Skipf("refused: %v", err)
	}
	out := reflect.New(reflect.TypeOf(in))
	if err := unmarshal(tc, data, out.Interface()); err != nil {
		t.Fatalf("Unmarshal(%.100x): %v", data, err)
	}
	if !same(reflect.ValueOf(in), out.Elem()) {
		t.Errorf("got %.300s, want %.300s", fmt.Sprintf("%+v", out.Elem()), fmt.Sprintf("%+v", in))
	}
}

type (
	person struct{ Name string }
	tagged struct {
		X string `json:"X,omitempty"`
		B string `json:"B"`
	}
	shadows struct {
		person
		Name string
	}
	embedsHidden  struct{ *person }
	embedsPointer struct{ *image.Point }
	stamped       struct {
		time.Time
		Note string
	}
	optional struct {
		P *int       `json:",omitempty" cbor:",omitempty"`
		T *time.Time `json:",omitempty" cbor:",omitempty"`
	}
	withFunc struct {
		A int
		F func()
		C chan int
	}
)

// sameName is made by reflection, because go vet would reject it in source.
func sameName() any {
	field := func(name string) reflect.StructField {
		return reflect.StructField{Name: name, Type: reflect.TypeFor[string](), Tag: `json:"x" cbor:"x"`}
	}
	v := reflect.New(reflect.StructOf([]reflect.StructField{field("A"), field("B")})).Elem()
	v.Field(0).SetString("a")
	v.Field(1).SetString("b")
	return v.Interface()
}

func lostFields() map[string]any {
	return map[string]any{
		"two fields of one tag":                            sameName(),
		"fields with tags":                                 tagged{"a", "b"},
		"a field that shadows an embedded one":             shadows{person{"a"}, "b"},
		"an embedded pointer":                              embedsPointer{&image.Point{X: 1}},
		"an embedded pointer to zero":                      embedsPointer{&image.Point{}},
		"an embedded pointer to what is not exported":      embedsHidden{&person{"a"}},
		"an embedded pointer to what is not exported, nil": []embedsHidden{{}},
		"a field beside an embedded time":                  stamped{time.Unix(1, 0).UTC(), "a"},
		"a function":                                       withFunc{A: 1, F: func() {}},
		"a channel":                                        withFunc{A: 1, C: make(chan int)},
		"no function":                                      withFunc{A: 1},
	}
}

func lostMethods() map[string]any {
	amount := money{5, "EUR"}
	return map[string]any{
		"methods of a pointer":                       amount,
		"methods of a pointer, in a struct":          struct{ M money }{amount},
		"methods of a pointer, in a slice":           []money{amount},
		"methods of a pointer, in an array":          [1]money{amount},
		"methods of a pointer, in a map":             map[string]money{"a": amount},
		"methods of a pointer, as a key":             map[money]int{amount: 1},
		"methods of a pointer to hidden fields":      struct{ D date }{date{26, 1}},
		"methods of a pointer to hidden, in a slice": []date{{26, 1}},
		"a method for writing alone":                 struct{ S secret }{"a"},
		"a big.Int by value":                         struct{ B big.Int }{*big.NewInt(77)},
		"a big.Int in a map":                         map[string]big.Int{"a": *big.NewInt(77)},
	}
}

func lostPointers() map[string]any {
	zero, none, noList := 0, (*int)(nil), []int(nil)
	return map[string]any{
		"a pointer to zero in a struct":    optional{P: &zero},
		"a pointer to the zero time":       optional{T: new(time.Time)},
		"a pointer to a nil pointer":       &none,
		"a pointer to a nil slice":         struct{ L *[]int }{&noList},
		"nil and zero pointers in a slice": []*int{&zero, nil},
		"nil pointers in a map":            map[string]*person{"a": nil},
	}
}

func lostKeys() map[string]any {
	return map[string]any{
		"keys that are structs":   map[person]int{{"a"}: 1, {"b"}: 2},
		"keys that are booleans":  map[bool]int{true: 1},
		"keys that are arrays":    map[[2]int]int{{1, 2}: 1},
		"keys that are NaN":       map[float64]int{math.NaN(): 1},
		"keys that are pointers":  map[*person]int{{"a"}: 1},
		"keys that are times":     map[time.Time]int{time.Unix(1, 0).In(time.FixedZone("", 5400)): 1},
		"integers as keys of any": map[any]int{1: 1},
	}
}

// money has methods of each kind, all with a pointer receiver. They write its fields in another order.
type money struct {
	Cents    int
	Currency string
}

func (m *money) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%s %d", m.Currency, m.Cents), nil
}
func (m *money) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "%s %d", &m.Currency, &m.Cents)
	return err
}
func (m *money) MarshalBinary() ([]byte, error) { return m.MarshalText() }
func (m *money) UnmarshalBinary(b []byte) error { return m.UnmarshalText(b) }
func (m *money) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%q", fmt.Sprint(m.Currency, " ", m.Cents)), nil
}
func (m *money) UnmarshalJSON(b []byte) error {
	if len(b) < 2 {
		return errors.New("too short")
	}
	return m.UnmarshalText(b[1 : len(b)-1])
}

// date has only unexported fields: only its methods can write it.
type date struct{ y, m byte }

func (d *date) MarshalBinary() ([]byte, error) { return []byte{d.y, d.m}, nil }
func (d *date) UnmarshalBinary(b []byte) error {
	if len(b) != 2 {
		return errors.New("want 2 bytes")
	}
	d.y, d.m = b[0], b[1]
	return nil
}

// secret encodes itself as stars, and must not be stored like that.
type secret string

func (secret) MarshalText() ([]byte, error)   { return []byte("***"), nil }
func (secret) MarshalJSON() ([]byte, error)   { return []byte(`"***"`), nil }
func (secret) MarshalBinary() ([]byte, error) { return []byte("***"), nil }

type area interface{ Area() float64 }

type square struct{ Side float64 }

func (s square) Area() float64 { return s.Side * s.Side }
