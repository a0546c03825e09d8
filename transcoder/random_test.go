package transcoder_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/gomsm/msm/transcoder"
)

var (
	seeds = flag.Uint64("seeds", 3_000, "how many random values TestWhatIsStoredComesBack makes for each transcoder")
	seed  = flag.Uint64("seed", 0, "the only one to make")
)

// TestWhatIsStoredComesBack makes random types and values, and checks that Marshal refuses a value or Unmarshal brings
// it back.
func TestWhatIsStoredComesBack(t *testing.T) {
	for _, tc := range all() {
		t.Run(tc.Name(), func(t *testing.T) {
			stored := uint64(0)
			for n := range *seeds {
				if *seed != 0 {
					n = *seed - 1
				}
				if comesBack(t, tc, n+1) {
					stored++
				}
				if *seed != 0 || t.Failed() {
					return
				}
			}
			if stored < *seeds/8 {
				t.Errorf("only %d of %d values were stored", stored, *seeds)
			}
		})
	}
}

func comesBack(t *testing.T, tc transcoder.Transcoder, n uint64) bool {
	r := random{rand.New(rand.NewPCG(n, 25))}
	in := r.value(r.typ(3), 4)
	if in.Kind() == reflect.Pointer && in.Type().Elem().Kind() == reflect.Interface {
		in = reflect.New(in.Type().Elem()).Elem() // see Marshal
	}
	v := in.Interface()
	if in.Kind() == reflect.Interface {
		v = in.Addr().Interface() // as Key of an interface type does
	}
	data, err := tc.Marshal(v)
	if *seed != 0 {
		t.Logf("%v: %v", in.Type(), err)
	}
	if err != nil {
		return false
	}
	out := reflect.New(in.Type())
	if err := tc.Unmarshal(data, out.Interface()); err != nil {
		t.Errorf("seed %d: a %v was stored as %q, and cannot be read: %v", n, in.Type(), data, err)
	} else if why := differ(tc.Name(), in, out.Elem(), ""); why != "" {
		t.Errorf("seed %d: a %v comes back as another value: %s\nwas %+v\ngot %+v\nby %q", n, in.Type(), why, in, out.Elem(), data)
	}
	return true
}

// random makes types and values.
type random struct{ *rand.Rand }

var basicTypes = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int64](), reflect.TypeFor[uint](), reflect.TypeFor[uint8](),
	reflect.TypeFor[uint64](), reflect.TypeFor[uintptr](), reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[complex128](),
	reflect.TypeFor[string](), reflect.TypeFor[[]byte](), reflect.TypeFor[struct{}](), reflect.TypeFor[chan int](), reflect.TypeFor[func()](),
}

func (r random) typ(depth int) reflect.Type {
	if depth == 0 || r.IntN(5) == 0 {
		if r.IntN(2) == 0 {
			return basicTypes[r.IntN(len(basicTypes)-r.IntN(3))]
		}
		return namedTypes[r.IntN(len(namedTypes))]
	}
	switch r.IntN(8) {
	case 0:
		return reflect.PointerTo(r.typ(depth - 1))
	case 1:
		return reflect.SliceOf(r.typ(depth - 1))
	case 2:
		return reflect.ArrayOf(r.IntN(3), r.typ(depth-1))
	case 3:
		if key := r.typ(r.IntN(2)); key.Comparable() {
			return reflect.MapOf(key, r.typ(depth-1))
		}
		return reflect.MapOf(reflect.TypeFor[string](), r.typ(depth-1))
	case 4, 5:
		return r.structure(depth - 1)
	}
	return namedTypes[r.IntN(len(namedTypes))]
}

var randomTags = []reflect.StructTag{
	"", "", "", "", `json:"a"`, `json:"b,omitempty"`, `json:",omitzero"`, `json:",string"`, `json:"-"`, `json:"F1"`, `cbor:"f2"`, `cbor:"a" json:"c"`,
	`cbor:"1,keyasint"`, `cbor:"01,keyasint"`, `cbor:"-"`, `json:"a,b"`, `json:"-,"`, `json:"Ä"`, `cbor:"" json:"d"`,
}

func (r random) structure(depth int) reflect.Type {
	fields := []reflect.StructField{}
	for i := range r.IntN(4) {
		f := reflect.StructField{Name: fmt.Sprint("F", i), Type: r.typ(depth), Tag: randomTags[r.IntN(len(randomTags))]}
		switch r.IntN(12) {
		case 0:
			f.Name, f.PkgPath = fmt.Sprint("f", i), "github.com/gomsm/msm/transcoder_test"
		case 1:
			f = reflect.StructField{Name: "Outer", Type: reflect.TypeFor[Outer](), Anonymous: true, Tag: f.Tag}
		}
		fields = append(fields, f)
	}
	if t := structOf(fields); t != nil {
		return t
	}
	return reflect.TypeFor[Outer]()
}

// structOf returns a struct type, or nil if package reflect cannot make it: a field occurs twice.
func structOf(fields []reflect.StructField) (t reflect.Type) {
	defer func() { _ = recover() }()
	return reflect.StructOf(fields)
}

// value returns a random value. It fills exported fields, and other fields only in types whose methods see them.
func (r random) value(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	if r.IntN(6) == 0 {
		return v
	}
	if special := r.special(t); special != nil {
		v.Set(reflect.ValueOf(special))
		return v
	}
	switch t.Kind() {
	case reflect.Interface:
		r.dynamic(v, depth)
	case reflect.Pointer:
		if depth > 0 {
			v.Set(reflect.New(t.Elem()))
			v.Elem().Set(r.value(t.Elem(), depth-1))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, r.IntN(3), 3))
		r.fill(v, depth)
	case reflect.Array:
		r.fill(v, depth)
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		for range r.IntN(3) {
			r.put(v, depth)
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if f := v.Field(i); f.CanSet() {
				f.Set(r.value(f.Type(), depth-1))
			} else if t.Field(i).Anonymous && f.Kind() == reflect.Struct {
				r.promote(f)
			}
		}
	default:
		r.basic(v)
	}
	return v
}

// promote fills the fields of an embedded struct that is not exported.
func (r random) promote(v reflect.Value) {
	for i := range v.NumField() {
		if v.Field(i).CanSet() {
			v.Field(i).Set(r.value(v.Field(i).Type(), 1))
		}
	}
}

func (r random) fill(v reflect.Value, depth int) {
	for i := range v.Len() {
		v.Index(i).Set(r.value(v.Type().Elem(), depth-1))
	}
}

// put adds a pair, unless the key holds something that no map accepts as a key.
func (r random) put(v reflect.Value, depth int) {
	defer func() { _ = recover() }()
	v.SetMapIndex(r.value(v.Type().Key(), depth-1), r.value(v.Type().Elem(), depth-1))
}

func (r random) dynamic(v reflect.Value, depth int) {
	if depth <= 0 {
		return
	}
	if v.NumMethod() > 0 {
		if u := reflect.ValueOf(someURL()); u.Type().Implements(v.Type()) {
			v.Set(u)
		}
		return
	}
	t := r.typ(1)
	if r.IntN(2) == 0 {
		t = []reflect.Type{reflect.TypeFor[map[string]any](), reflect.TypeFor[[]any](), reflect.TypeFor[int](), reflect.TypeFor[string](), reflect.TypeFor[map[any]any]()}[r.IntN(5)]
	}
	if t.Kind() != reflect.Interface {
		v.Set(r.value(t, depth-1))
	}
}

func (r random) basic(v reflect.Value) {
	integers := []int64{0, 1, -1, 127, -128, 300, 1 << 53, 1<<53 + 1, -1<<53 - 1, math.MaxInt64, math.MinInt64, int64(r.Uint64())}
	floats := []float64{0, 0.1, -0.5, 1e300, 1 << 60, math.Inf(1), math.NaN(), math.Copysign(0, -1), r.NormFloat64()}
	switch {
	case v.CanInt():
		v.SetInt(integers[r.IntN(len(integers))])
	case v.CanUint():
		v.SetUint(uint64(integers[r.IntN(len(integers))]))
	case v.CanFloat():
		v.SetFloat(floats[r.IntN(len(floats))])
	case v.CanComplex():
		v.SetComplex(complex(floats[r.IntN(len(floats))], floats[r.IntN(len(floats))]))
	case v.Kind() == reflect.String:
		v.SetString([]string{"", "a", "Zoë", "\xff", `\ufffd`, "null", "<&>\u2028", "A b"}[r.IntN(8)])
	case v.Kind() == reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case v.Kind() == reflect.Chan:
		v.Set(reflect.MakeChan(v.Type(), 0))
	case v.Kind() == reflect.Func:
		v.Set(reflect.ValueOf(func() {}))
	}
}
