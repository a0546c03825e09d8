package transcoder_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
)

func someURL() *url.URL {
	u, err := url.Parse("https://u:p@example.com/a%2Fb?q=1#f")
	if err != nil {
		panic(err)
	}
	return u
}

// special returns a value of a type for which random bits make no sense, and nil for other types.
func (r random) special(t reflect.Type) any {
	zones := []*time.Location{time.UTC, time.FixedZone("", 3600), time.FixedZone("", -5400), time.FixedZone("", 61)}
	pick := func(values ...any) any { return values[r.IntN(len(values))] }
	switch t {
	case reflect.TypeFor[dateJSON]():
		return dateJSON{2026, r.IntN(13)}
	case reflect.TypeFor[dateText]():
		return dateText{2026, r.IntN(13)}
	case reflect.TypeFor[dateBinary]():
		return dateBinary{26, byte(r.IntN(13))}
	case reflect.TypeFor[hidden]():
		return hidden{r.IntN(2)}
	case reflect.TypeFor[time.Time]():
		at := time.Unix(r.Int64N(1<<33), r.Int64N(1e9)).In(zones[r.IntN(len(zones))])
		return pick(at, at, time.Time{}.In(zones[r.IntN(len(zones))]), time.Now())
	case reflect.TypeFor[big.Int]():
		return pick(*big.NewInt(77), *new(big.Int).Lsh(big.NewInt(3), 200), *new(big.Int).Add(big.NewInt(1<<53), big.NewInt(1)))
	case reflect.TypeFor[big.Rat]():
		return *big.NewRat(1, 1+r.Int64N(9))
	case reflect.TypeFor[big.Float]():
		return *big.NewFloat(1.5)
	case reflect.TypeFor[netip.Addr]():
		return pick(netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("fe80::1%eth0"))
	case reflect.TypeFor[netip.Prefix]():
		return pick(netip.MustParsePrefix("192.0.2.0/24"), netip.PrefixFrom(netip.MustParseAddr("192.0.2.1"), 99))
	case reflect.TypeFor[url.URL]():
		return pick(*someURL(), url.URL{Host: "a b"}, url.URL{Path: "a"})
	case reflect.TypeFor[json.Number]():
		return pick(json.Number(""), json.Number("1.50"), json.Number("12345678901234567890"), json.Number("x"))
	case reflect.TypeFor[json.RawMessage]():
		return pick(json.RawMessage(`{"a":1}`), json.RawMessage("null"), json.RawMessage{}, json.RawMessage("{"))
	case reflect.TypeFor[cbor.RawMessage]():
		return pick(cbor.RawMessage{1}, cbor.RawMessage{0xf6}, cbor.RawMessage{}, cbor.RawMessage{0x82, 1})
	case reflect.TypeFor[cbor.Tag]():
		return pick(cbor.Tag{Number: 100, Content: "a"}, cbor.Tag{Number: 0, Content: 5})
	case reflect.TypeFor[cbor.RawTag]():
		return cbor.RawTag{Number: 100, Content: cbor.RawMessage{1}}
	}
	return nil
}

// differOwn compares values of types whose contents only their methods know. ok is false for other types.
func differOwn(a, b reflect.Value) (why string, ok bool) {
	var same bool
	switch x := a.Interface().(type) {
	case dateJSON, dateText, dateBinary, money, moneyText, hidden, netip.Addr, netip.Prefix:
		same = reflect.DeepEqual(a.Interface(), b.Interface())
	case url.URL:
		y := b.Interface().(url.URL)
		same = x.String() == y.String()
	case stamp:
		return differSpecial(a.Field(0), b.Field(0))
	case stampAndNote:
		return "stored without its note", x.Note != b.Interface().(stampAndNote).Note
	case maybe:
		y := b.Interface().(maybe)
		same = x.OK == y.OK && (!x.OK || x.N == y.N)
	case withAtomic:
		same = fmt.Sprint(a) == fmt.Sprint(b)
	default:
		return "", false
	}
	if !same {
		return fmt.Sprintf("%+v, was %+v", b, a), true
	}
	return "", true
}

func optionalTag(tag string) bool {
	return strings.Contains(tag, ",omitempty") || strings.Contains(tag, ",omitzero")
}

func isEmptyValue(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	if z, ok := v.Interface().(interface{ IsZero() bool }); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		return z.IsZero()
	}
	return v.IsZero()
}

// differUntyped compares a value that was in an any with what the format made of it.
func differUntyped(format string, a, b reflect.Value, path string) string {
	for stands(a) && (!b.IsValid() || a.Type() != b.Type()) {
		a = a.Elem()
	}
	for stands(b) && (!a.IsValid() || a.Type() != b.Type()) {
		b = b.Elem()
	}
	if a.IsValid() && (encodesSomehow(a.Type()) || a.Type() == reflect.TypeFor[cbor.Tag]()) && (!b.IsValid() || a.Type() != b.Type()) && exactNumber(a) == nil {
		return "" // only the type knows in which way
	}
	if isNothing(a) || isNothing(b) {
		if isNothing(a) && isNothing(b) || format == "gob" && a.IsValid() && b.IsValid() && isEmptyValue(a) && isEmptyValue(b) {
			return ""
		}
		return path + ": one is nil"
	}
	if a.Type() == b.Type() {
		return differ(format, a, b, path)
	}
	if x, y := exactNumber(a), exactNumber(b); x != nil && y != nil {
		if x.Cmp(y) != 0 && !(a.Kind() == reflect.Float32 && float32(b.Float()) == float32(a.Float())) {
			return fmt.Sprintf("%s: %v, was %v", path, b, a)
		}
		return ""
	}
	switch {
	case a.Kind() == reflect.Slice && a.Type().Elem().Kind() == reflect.Uint8 && b.Kind() == reflect.String:
		if base64.StdEncoding.EncodeToString(a.Bytes()) != b.String() {
			return fmt.Sprintf("%s: %v, was %v", path, b, a)
		}
	case a.Kind() == reflect.String && b.Kind() == reflect.String && a.String() != b.String():
		return fmt.Sprintf("%s: %v, was %v", path, b, a)
	case (a.Kind() == reflect.Slice || a.Kind() == reflect.Array) && b.Kind() == reflect.Slice:
		if a.Len() != b.Len() {
			return fmt.Sprintf("%s: %d elements, were %d", path, b.Len(), a.Len())
		}
		for i := range a.Len() {
			if why := differUntyped(format, a.Index(i), b.Index(i), fmt.Sprintf("%s[%d]", path, i)); why != "" {
				return why
			}
		}
	case a.Kind() == reflect.Map && b.Kind() == reflect.Map && a.Len() != b.Len():
		return fmt.Sprintf("%s: %d pairs, were %d", path, b.Len(), a.Len())
	}
	return ""
}

// stands reports whether v leads to another value.
func stands(v reflect.Value) bool {
	return v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface)
}

func encodesSomehow(t reflect.Type) bool {
	for _, name := range []string{"MarshalJSON", "MarshalText", "MarshalBinary", "MarshalCBOR"} {
		if _, ok := reflect.PointerTo(t).MethodByName(name); ok {
			return true
		}
	}
	return false
}

func exactNumber(v reflect.Value) *big.Float {
	x := new(big.Float).SetPrec(2000)
	switch {
	case v.CanInt():
		return x.SetInt64(v.Int())
	case v.CanUint():
		return x.SetUint64(v.Uint())
	case v.CanFloat():
		if v.Float() == v.Float() {
			return x.SetFloat64(v.Float())
		}
	case v.CanInterface():
		if n, ok := v.Interface().(big.Int); ok {
			return x.SetInt(&n)
		}
	}
	return nil
}
