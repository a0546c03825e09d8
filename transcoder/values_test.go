package transcoder_test

import (
	"encoding/json"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/gomsm/msm/transcoder"
)

// outcome is what each format does with a value.
type outcome struct {
	value any
	// refusedBy names the formats that refuse the value, each with these words in the error. The others bring it back.
	refusedBy, words string
}

// TestMethodsOfPointersAreCalled checks that what a method with a pointer receiver writes comes back, wherever the
// encoder calls it.
func TestMethodsOfPointersAreCalled(t *testing.T) {
	int77, date := *big.NewInt(77), dateText{2026, 1}
	outcomes(t, map[string]outcome{
		"by value":                         {int77, "", ""},
		"in a struct":                      {struct{ B big.Int }{int77}, "", ""},
		"in a pointer to a struct":         {&struct{ B big.Int }{int77}, "", ""},
		"in a struct in a struct":          {struct{ S struct{ B big.Int } }{struct{ B big.Int }{int77}}, "", ""},
		"in a slice":                       {[]big.Int{int77}, "", ""},
		"in an array":                      {[1]big.Int{int77}, "", ""},
		"in a slice in a map":              {map[string][]big.Int{"a": {int77}}, "", ""},
		"by pointer in a map":              {map[string]*big.Int{"a": &int77}, "", ""},
		"by value in a map":                {map[string]big.Int{"a": int77}, "json gob", "map[string]*big.Int"},
		"in a struct in a map":             {map[string]struct{ B big.Int }{"a": {int77}}, "json gob", "pointer receiver"},
		"in an array in a map":             {map[string][1]big.Int{"a": {int77}}, "json gob", "pointer receiver"},
		"in a nil map":                     {map[string]big.Int(nil), "json gob", "pointer receiver"},
		"by value in an any":               {map[string]any{"a": int77}, "json gob", "use a pointer"},
		"by pointer in an any":             {map[string]any{"a": big.NewInt(1 << 53)}, "gob", ""},
		"as a key":                         {map[byPointer]int{1: 1, 2: 2}, "json", "keys"},
		"as a key that encodes itself":     {map[color]int{1: 1, 2: 2}, "", ""},
		"JSON's alone":                     {struct{ M money }{money{5, true}}, "", ""},
		"JSON's alone in a map":            {map[string]money{"a": {5, true}}, "json", "map[string]*transcoder_test.money"},
		"JSON's alone, hidden to others":   {struct{ D dateJSON }{dateJSON{2026, 1}}, "cbor gob", ""},
		"text's alone":                     {struct{ D dateText }{date}, "gob", ""},
		"binary's alone":                   {[]dateBinary{{26, 1}}, "json", "no field is exported"},
		"in a map of a type of itself":     {node{Next: map[string]node{"a": {Date: date}}}, "json gob", ""},
		"big.Rat":                          {[]big.Rat{*big.NewRat(1, 3)}, "", ""},
		"netip.Addr as a key":              {map[netip.Addr]int{netip.MustParseAddr("192.0.2.1"): 1}, "", ""},
		"what cannot be read in again":     {netip.PrefixFrom(netip.MustParseAddr("192.0.2.1"), 99), "json", "no one could read"},
		"a URL without a method for JSON":  {url.URL{Host: "a", User: url.UserPassword("u", "p")}, "json", "url.URL.User"},
		"a method for writing alone":       {masked("a"), "cbor json gob", "Unmarshal"},
		"a method for writing alone, deep": {map[string][]masked{}, "cbor json gob", "Unmarshal"},
		"a method for reading alone":       {struct{ L lower }{"A"}, "cbor json", "another value"},
		"and what it does not change":      {struct{ L lower }{"a"}, "", ""},
		"a method for reading it ignores":  {flexible{1}, "json", "another value"},
	})
}

type node struct {
	Date dateText
	Next map[string]node
}

// TestFieldsAreNotLost checks that a field comes back, or the struct is refused.
func TestFieldsAreNotLost(t *testing.T) {
	zero, none := 0, (*int)(nil)
	outcomes(t, map[string]outcome{
		"two of one tag":                     {reflect.Zero(sameTag).Interface(), "cbor json", `A and struct { A int "json:\"x\""; B int "json:\"x\"" }.B are both stored as "x"`},
		"one with another's name as tag":     {tagBesideName{1, 2}, "cbor json", "tagBesideName.X and transcoder_test.tagBesideName.B"},
		"one that shadows an embedded one":   {shadows{inner{"1", "a"}, "b"}, "cbor json gob", ""},
		"two embedded of one name":           {twiceTheSame{}, "cbor json", `both stored as "C"`},
		"of an embedded struct":              {embedsByValue{inner{"1", "a"}, 1}, "gob", "name and export the field"},
		"of an embedded pointer":             {embedsExported{&Outer{"a"}, 1}, "", ""},
		"of an embedded pointer to hidden":   {embedsByPointer{&inner{"1", "a"}, 1}, "cbor json gob", "embedsByPointer.inner"},
		"the same, nil":                      {embedsByPointer{}, "cbor json gob", "embedsByPointer.inner"},
		"the same, deep":                     {[]map[string]embedsByPointer{}, "cbor json gob", "embedsByPointer.inner"},
		"of an embedded hidden one, tagged":  {tagged{inner{"1", "a"}, 1}, "gob", "name and export"},
		"an embedded pointer all left out":   {EmbedsOptional{&Optional{}, 1}, "cbor json", "EmbedsOptional.Optional"},
		"an embedded pointer half left out":  {EmbedsOptional{&Optional{A: 1}, 1}, "", ""},
		"a struct in itself":                 {itself{itself: nil, X: 1}, "cbor json gob", ""},
		"all but the embedded that encodes":  {stampAndNote{time.Unix(1, 0), "a"}, "cbor json gob", "Note would be lost"},
		"none but the embedded that encodes": {stamp{time.Unix(1, 0).UTC()}, "", ""},
		"a pointer that encodes, embedded":   {struct{ *big.Int }{big.NewInt(5)}, "cbor json gob", "no one could read it again: panic"},
		"and that with a zone of seconds":    {stamp{time.Unix(1, 0).In(time.FixedZone("", 61))}, "cbor json gob", "stamp.Time: a time zone"},
		"of two embedded that encode":        {twoLeaves{}, "cbor json gob", "URL would be lost"},
		"a function":                         {withFunc{F: func() {}}, "cbor json gob", ""},
		"a channel":                          {withFunc{C: make(chan int)}, "cbor json gob", ""},
		"a counter of package atomic":        {counted(), "cbor json gob", "atomic.Int64"},
		"a pointer to zero":                  {struct{ A *int }{&zero}, "gob", ".A: a pointer to zero"},
		"a pointer to nil":                   {struct{ A **int }{&none}, "cbor json gob", "stored as nil"},
		"a pointer to a nil slice":           {struct{ A *[]int }{new([]int)}, "cbor json gob", ".A: "},
		"a pointer to the zero time":         {struct{ A *time.Time }{new(time.Time)}, "cbor", ".A: "},
		"a pointer to what is null":          {[]*maybe{{}}, "cbor json", "stored as nil"},
		"a nil pointer":                      {struct{ A *int }{}, "", ""},
		"a zero time elsewhere":              {struct{ A time.Time }{time.Time{}.In(time.FixedZone("", 3600))}, "cbor", "UTC"},
		"a text of JSON in JSON":             {quoted{S: "a\"\\"}, "json", "invalid use of ,string"},
		"invalid UTF-8 in such a text": {struct {
			S string `json:",string"`
		}{"\xff"}, "cbor json", "a string is not valid UTF-8"},
		"integers as text": {struct {
			I int64 `json:",string"`
		}{math.MaxInt64}, "", ""},
		"omitempty and omitzero":      {zeroes{T: time.Unix(1, 0).UTC(), P: &time.Time{}}, "cbor", ""},
		"names that differ by case":   {struct{ ID, Id, iD int }{1, 2, 0}, "", ""},
		"keys that are integers":      {asInts{1, "a", "b"}, "", ""},
		"a struct that is an array":   {asArray{A: 1, Outer: &Outer{"a"}}, "", ""},
		"the same, with nil embedded": {asArray{A: 1}, "cbor", "array"},
		"a raw message":               {raw{"1", json.RawMessage("1"), nil, cbor.RawMessage{1}}, "", ""},
		"a nil raw message":           {struct{ R json.RawMessage }{}, "json", "R: an empty json.RawMessage"},
		"a nil raw message that is left out": {struct {
			R json.RawMessage `json:",omitempty"`
		}{}, "", ""},
		"an empty number":        {struct{ N json.Number }{}, "json", "N: an empty json.Number"},
		"an invalid raw message": {json.RawMessage("{"), "json", ""},
		"an interface":           {withInterface{error: errFails}, "cbor json gob", ""},
	})
}

func counted() *withAtomic {
	v := new(withAtomic)
	v.N.Store(1)
	return v
}

// TestTypesInACircleEnd checks that a type that contains itself is not examined without end, which would end the
// program.
func TestTypesInACircleEnd(t *testing.T) {
	type pointer *pointer
	type list []list
	type tables map[string]tables
	type call func(call)
	type byArray struct{ A [2]*[]byArray }
	outcomes(t, map[string]outcome{
		"a pointer to itself":             {pointer(nil), "cbor json gob", "cycle"},
		"a slice of itself":               {list{list{}, {{}}}, "", ""},
		"a map of itself":                 {tables{"a": {"b": {}}}, "", ""},
		"a function of itself":            {call(nil), "cbor json gob", ""},
		"a struct of arrays of itself":    {byArray{[2]*[]byArray{{}, {{}}}}, "gob", ""},
		"a struct that embeds itself":     {EmbedsItself{X: 1}, "cbor json", "EmbedsItself.EmbedsItself"},
		"two structs that embed another":  {embedsOther{}, "cbor json gob", "EmbedsBack.embedsOther"},
		"nothing but a pointer to itself": {nothingButItself{}, "cbor json gob", "no field is exported"},
	})
}

type (
	EmbedsItself struct {
		*EmbedsItself
		X int
	}
	embedsOther struct{ *EmbedsBack }
	EmbedsBack  struct {
		*embedsOther
		X int
	}
	nothingButItself struct{ *nothingButItself }
)

// TestUntypedValuesAreNotAltered checks that a value in an any, or a key, comes back as an equivalent value.
func TestUntypedValuesAreNotAltered(t *testing.T) {
	greatest := new(big.Int).Lsh(big.NewInt(1), 200)
	zone := time.FixedZone("", 5400)
	outcomes(t, map[string]outcome{
		"an integer that float64 holds":      {map[string]any{"a": 1 << 53}, "", ""},
		"one that it rounds":                 {map[string]any{"a": 1<<53 + 1}, "json", "9007199254740993"},
		"an unsigned one":                    {[]any{uint64(math.MaxUint64)}, "json", "use a string"},
		"one in a slice in an any":           {[]any{[]int64{math.MaxInt64}}, "json", ""},
		"one in a struct in an any":          {[]any{pair[int, int]{math.MaxInt64, 1}}, "json gob", ""},
		"a big.Int that float64 holds":       {[]any{greatest}, "gob", ""},
		"one that it rounds, by a number":    {[]any{json.Number("9007199254740993")}, "json gob", ""},
		"a float":                            {[]any{0.1, float32(0.1), 1e300}, "", ""},
		"a struct":                           {[]any{pair[string, int]{"a", 1}}, "gob", ""},
		"a map with integer keys in an any":  {[]any{map[int]string{1: "a"}}, "cbor gob", ""},
		"an integer as a key of any":         {map[any]int{1: 1}, "cbor json", "keys"},
		"a text as a key of any":             {map[any]int{"a": 1}, "json", ""},
		"a pointer as a key":                 {map[*int]int{new(int): 1}, "cbor json gob", ""},
		"a time in UTC as a key":             {map[time.Time]int{time.Unix(1, 0).UTC(): 1}, "", ""},
		"a time elsewhere as a key":          {map[time.Time]int{time.Unix(1, 0).In(zone): 1}, "cbor json gob", "keys"},
		"NaN as a key":                       {map[float64]int{math.NaN(): 1}, "cbor json gob", ""},
		"a float as a key":                   {map[float64]int{0.1: 1}, "json", ""},
		"a struct as a key":                  {map[pair[int, string]]int{{1, "a"}: 1}, "json", ""},
		"a text whose method reads as a key": {map[marked]int{"a": 1}, "json", "keys"},
		"a nil pointer to what encodes":      {map[string]*big.Rat{"a": nil}, "gob", "leave the element out"},
		"a nil pointer in a slice":           {[]*int{nil}, "gob", "nil element"},
		"infinity":                           {math.Inf(1), "json", ""},
		"a complex number":                   {1i, "cbor json", ""},
		"an uintptr":                         {uintptr(1), "cbor", ""},
	})
}

func outcomes(t *testing.T, cases map[string]outcome) {
	for sentence, c := range cases {
		for _, tc := range all() {
			t.Run(sentence+", "+tc.Name(), func(t *testing.T) { c.check(t, tc) })
		}
	}
}

func (c outcome) check(t *testing.T, tc transcoder.Transcoder) {
	data, err := tc.Marshal(c.value)
	if refused := strings.Contains(c.refusedBy, tc.Name()); refused {
		if err == nil {
			t.Errorf("was stored as %q", data)
		} else if !strings.Contains(err.Error(), c.words) {
			t.Errorf("%v; want %q in it", err, c.words)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	out := reflect.New(reflect.TypeOf(c.value))
	if err := tc.Unmarshal(data, out.Interface()); err != nil {
		t.Fatalf("cannot be read: %v", err)
	}
	in := reflect.New(reflect.TypeOf(c.value)).Elem()
	in.Set(reflect.ValueOf(c.value))
	if why := differ(tc.Name(), in, out.Elem(), ""); why != "" {
		t.Errorf("comes back as another value: %s, by %q", why, data)
	}
}

// TestRefusalsNameTheFieldAndTheFix checks that an error says where the problem is and what to do, so that nobody has
// to read our source.
func TestRefusalsNameTheFieldAndTheFix(t *testing.T) {
	for want, v := range map[string]any{
		"map[string]transcoder_test.money: the methods by which it encodes itself have a pointer receiver, and are not called here; " +
			"use pointers: map[string]*transcoder_test.money": map[string]money{},
		"transcoder_test.tagBesideName.X and transcoder_test.tagBesideName.B are both stored as \"X\", so that one would be lost; " +
			"rename one, or leave it out by the tag json:\"-\"": tagBesideName{},
		"transcoder_test.shadows.inner.Name and transcoder_test.shadows.Name are both stored as \"Name\", so that one would be lost; " +
			"rename one, or leave it out by the tag json:\"-\"": &shadows{},
		"transcoder_test.embedsByPointer.inner: it embeds a pointer to an unexported struct, which no decoder can make; " +
			"embed the struct itself, or name and export the field": []embedsByPointer{},
		"transcoder_test.masked encodes itself by MarshalJSON, but cannot decode itself; give it UnmarshalJSON": masked(""),
		"url.URL.User: url.Userinfo: no field is exported, so nothing would be stored; " +
			"export them, or give it methods such as MarshalText and UnmarshalText": someURL(),
	} {
		_, err := transcoder.JSON().Marshal(v)
		if err == nil || err.Error() != "encode: "+want {
			t.Errorf("%T: %v, want %s", v, err, want)
		}
	}
}
