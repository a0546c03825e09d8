package transcoder_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// The types of which random ones are made: with each kind of method, by value and by pointer, in pairs and alone.

type dateJSON struct{ y, m int } // only its methods see what is in it

func (d *dateJSON) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `"%d-%d"`, d.y, d.m), nil }
func (d *dateJSON) UnmarshalJSON(b []byte) error { return scan(string(b), `"%d-%d"`, &d.y, &d.m) }

type dateText struct{ y, m int }

func (d *dateText) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%d-%d", d.y, d.m), nil }
func (d *dateText) UnmarshalText(b []byte) error { return scan(string(b), "%d-%d", &d.y, &d.m) }

type dateBinary struct{ y, m byte }

func (d *dateBinary) MarshalBinary() ([]byte, error) { return []byte{d.y, d.m}, nil }
func (d *dateBinary) UnmarshalBinary(b []byte) error {
	if len(b) != 2 {
		return errors.New("want 2 bytes")
	}
	d.y, d.m = b[0], b[1]
	return nil
}

type money struct { // can be stored also where its methods are not called
	Cents int64
	Euro  bool
}

func (m *money) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `"%d %t"`, m.Cents, m.Euro), nil
}
func (m *money) UnmarshalJSON(b []byte) error { return scan(string(b), `"%d %t"`, &m.Cents, &m.Euro) }

type moneyText struct {
	Cents int64
	Euro  bool
}

func (m *moneyText) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, `%d %t`, m.Cents, m.Euro), nil
}
func (m *moneyText) UnmarshalText(b []byte) error { return scan(string(b), `%d %t`, &m.Cents, &m.Euro) }

func scan(in, format string, to ...any) error {
	_, err := fmt.Sscanf(in, format, to...)
	return err
}

// maybe writes null if it has no value, as types for columns of databases do.
type maybe struct {
	N  int
	OK bool
}

func (m maybe) MarshalJSON() ([]byte, error) { return m.marshal(json.Marshal) }
func (m maybe) MarshalCBOR() ([]byte, error) { return m.marshal(cbor.Marshal) }

func (m maybe) marshal(f func(any) ([]byte, error)) ([]byte, error) {
	if !m.OK {
		return f(nil)
	}
	return f(m.N)
}

func (m *maybe) UnmarshalJSON(b []byte) error {
	if m.OK = string(b) != "null"; !m.OK {
		return nil
	}
	return json.Unmarshal(b, &m.N)
}

func (m *maybe) UnmarshalCBOR(b []byte) error {
	if m.OK = b[0] != 0xf6; !m.OK {
		return nil
	}
	return cbor.Unmarshal(b, &m.N)
}

type color int // can be a key

func (c color) MarshalText() ([]byte, error)  { return fmt.Appendf(nil, "#%d", int(c)), nil }
func (c *color) UnmarshalText(b []byte) error { return scan(string(b), "#%d", (*int)(c)) }

type byPointer int

func (p *byPointer) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "#%d", int(*p)), nil }
func (p *byPointer) UnmarshalText(b []byte) error { return scan(string(b), "#%d", (*int)(p)) }

type lower string // decodes itself, but does not encode itself

func (l *lower) UnmarshalText(b []byte) error { *l = lower(strings.ToLower(string(b))); return nil }

type marked string // for a key in JSON, only its method to decode is called

func (m marked) MarshalText() ([]byte, error) { return []byte("!" + m), nil }
func (m *marked) UnmarshalText(b []byte) error {
	if len(b) == 0 || b[0] != '!' {
		return errors.New("want an exclamation mark")
	}
	*m = marked(b[1:])
	return nil
}

type masked string

func (masked) MarshalJSON() ([]byte, error)   { return []byte(`"***"`), nil }
func (masked) MarshalText() ([]byte, error)   { return []byte("***"), nil }
func (masked) MarshalBinary() ([]byte, error) { return []byte("***"), nil }

type flexible struct{ A int }

func (f *flexible) UnmarshalJSON(b []byte) error { return nil }

type list []int

func (l list) MarshalJSON() ([]byte, error) { return json.Marshal([]int(l)) }
func (l *list) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, (*[]int)(l))
}

type octet byte

func (o octet) MarshalText() ([]byte, error)  { return fmt.Appendf(nil, "%d", byte(o)), nil }
func (o *octet) UnmarshalText(b []byte) error { return scan(string(b), "%d", (*byte)(o)) }

type (
	number   int
	text     string
	bytes    []byte
	inner    struct{ ID, Name string }
	Outer    struct{ Note string }
	optional struct {
		A int    `json:",omitempty"`
		B []text `json:",omitempty"`
	}
	hidden struct{ a int }
	tree   struct {
		Left, Right *tree
		Value       any
	}
	pair[A, B any] struct {
		A A
		B B
	}
	embedsByValue struct {
		inner
		X int
	}
	embedsByPointer struct {
		*inner
		X int
	}
	embedsExported struct {
		*Outer
		X int
	}
	embedsOptional struct {
		*optional
		X int
	}
	EmbedsOptional struct {
		*Optional
		X int
	}
	Optional optional
	shadows  struct {
		inner
		Name string
	}
	tagBesideName struct {
		X int
		B int `json:"X"`
	}
	twiceTheSame struct {
		A1
		B1
	}
	A1           struct{ Common }
	B1           struct{ Common }
	Common       struct{ C int }
	stamp        struct{ time.Time }
	stampAndNote struct {
		time.Time
		Note string
	}
	twoLeaves struct {
		time.Time
		url.URL
	}
	itself struct {
		*itself
		X int
	}
	withMutex struct {
		sync.Mutex
		X int
	}
	withAtomic struct {
		N atomic.Int64
		X int
	}
	quoted struct {
		I int     `json:",string"`
		S string  `json:",string"`
		P *string `json:",string"`
		F float64 `json:",string"`
		C color   `json:",string"`
		B bool    `json:"b,string,omitempty"`
	}
	zeroes struct {
		T time.Time      `json:",omitzero"`
		P *time.Time     `json:",omitempty"`
		M map[string]int `json:",omitzero"`
		I int            `json:"-"`
	}
	asArray struct {
		_ struct{} `cbor:",toarray"`
		A int
		B string
		*Outer
	}
	asInts struct {
		A int    `cbor:"1,keyasint"`
		B string `cbor:"2,keyasint,omitempty"`
		C string `cbor:"1"`
	}
	tagged struct {
		inner `json:"inner"`
		X     int
	}
	withFunc struct {
		F func()
		C chan int
		X int
	}
	withInterface struct {
		error
		fmt.Stringer
		X int
	}
	pointers struct {
		I *int
		S *[]int
		M *map[string]int
		A *any
		P **int
		T *time.Time
		R *json.RawMessage
		B *big.Int
		L []*time.Time
	}
	raw struct {
		N json.Number
		R json.RawMessage
		O json.RawMessage `json:",omitempty"`
		C cbor.RawMessage
	}
)

// sameTag is made by reflection, because go vet would reject it in source.
var sameTag = reflect.StructOf([]reflect.StructField{
	{Name: "A", Type: reflect.TypeFor[int](), Tag: `json:"x"`},
	{Name: "B", Type: reflect.TypeFor[int](), Tag: `json:"x"`},
})

var namedTypes = []reflect.Type{
	reflect.TypeFor[dateJSON](), reflect.TypeFor[dateText](), reflect.TypeFor[dateBinary](), reflect.TypeFor[money](), reflect.TypeFor[moneyText](),
	reflect.TypeFor[maybe](), reflect.TypeFor[color](), reflect.TypeFor[byPointer](), reflect.TypeFor[lower](), reflect.TypeFor[marked](), reflect.TypeFor[masked](),
	reflect.TypeFor[flexible](), reflect.TypeFor[list](), reflect.TypeFor[octet](), reflect.TypeFor[number](), reflect.TypeFor[text](), reflect.TypeFor[bytes](),
	reflect.TypeFor[inner](), reflect.TypeFor[Outer](), reflect.TypeFor[optional](), reflect.TypeFor[hidden](), reflect.TypeFor[tree](),
	reflect.TypeFor[pair[int, string]](), reflect.TypeFor[pair[any, []big.Int]](), reflect.TypeFor[pair[color, map[color]money]](),
	reflect.TypeFor[embedsByValue](), reflect.TypeFor[embedsByPointer](), reflect.TypeFor[embedsExported](), reflect.TypeFor[embedsOptional](),
	reflect.TypeFor[EmbedsOptional](), reflect.TypeFor[shadows](), sameTag, reflect.TypeFor[tagBesideName](), reflect.TypeFor[twiceTheSame](),
	reflect.TypeFor[stamp](), reflect.TypeFor[stampAndNote](), reflect.TypeFor[twoLeaves](), reflect.TypeFor[itself](), reflect.TypeFor[withMutex](),
	reflect.TypeFor[withAtomic](), reflect.TypeFor[quoted](), reflect.TypeFor[zeroes](), reflect.TypeFor[asArray](), reflect.TypeFor[asInts](), reflect.TypeFor[tagged](),
	reflect.TypeFor[withFunc](), reflect.TypeFor[withInterface](), reflect.TypeFor[pointers](), reflect.TypeFor[raw](),
	reflect.TypeFor[time.Time](), reflect.TypeFor[big.Int](), reflect.TypeFor[big.Rat](), reflect.TypeFor[big.Float](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[netip.Prefix](),
	reflect.TypeFor[url.URL](), reflect.TypeFor[json.Number](), reflect.TypeFor[json.RawMessage](), reflect.TypeFor[cbor.RawMessage](), reflect.TypeFor[cbor.Tag](),
	reflect.TypeFor[cbor.SimpleValue](), reflect.TypeFor[cbor.ByteString](), reflect.TypeFor[cbor.RawTag](),
	reflect.TypeFor[any](), reflect.TypeFor[any](), reflect.TypeFor[error](), reflect.TypeFor[fmt.Stringer](),
}
