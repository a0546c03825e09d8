package record

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestRoundTrip(t *testing.T) {
	tests := map[string]*Record{
		"everything set":         full(),
		"nothing set":            {},
		"a typical session":      typical(),
		"a tombstone":            {Tombstone: true, Term: 1, Version: 2, Home: "n1", Writes: []Stamp{{1, second(0)}}},
		"a tombstone half done":  {Tombstone: true, Unsettled: true},
		"a node without id":      {Home: "", Copies: []Copy{{"", 5}}},
		"the largest numbers":    {Term: math.MaxUint64, Version: math.MaxUint64, IdleTimeout: math.MaxInt64},
		"the smallest durations": {IdleTimeout: 1, Created: time.UnixMilli(0), LastAccess: time.UnixMilli(-1)},
		"times far away": {
			Created: time.UnixMilli(math.MinInt64), LastAccess: time.UnixMilli(math.MaxInt64),
			Writes: []Stamp{{1, time.Unix(math.MinInt64, 0)}, {2, time.Unix(math.MaxInt64, 0)}},
		},
		"stamps of clocks that disagree":    {Writes: []Stamp{{1, second(100)}, {2, second(-100)}, {math.MaxUint64, second(0)}}},
		"as many stamps as may be":          {Writes: stamps(MaxStamps), Requests: stamps(MaxStamps)},
		"as many copies as may be":          {Copies: make([]Copy, MaxCopies)},
		"the longest name":                  {Attributes: []Attribute{{strings.Repeat("n", MaxName), []byte{1}}}},
		"an attribute without a name":       {Attributes: []Attribute{{"", []byte("v")}}},
		"an empty value":                    {Attributes: []Attribute{{"a", []byte{}}, {"b", []byte("v")}, {"c", []byte{}}}},
		"names with any bytes":              {Attributes: []Attribute{{"\x00", []byte{0}}, {"\x00\x00", []byte{1}}, {"ü\xff", []byte{2}}}},
		"a value of a megabyte":             {Attributes: []Attribute{{"big", make([]byte, 1<<20)}}},
		"a transcoder that nobody knows":    {Transcoder: "msgpack/7"},
		"no idle timeout, only a deadline":  {Deadline: now},
		"an idle timeout and no deadline":   {LastAccess: now, IdleTimeout: time.Hour},
		"numbers at the edges of a uvarint": {Term: 127, Version: 128},
		"a cookie that lasts":               {Persist: 720 * time.Hour, CookieAt: now, Attributes: []Attribute{{"a", []byte("v")}}},
		"a past":                            {Term: 9, Past: []Rank{{1, 4, 77}, {7, 1 << 40, 1 << 63}}, OldUntil: now},
		"an older copy that lives longer":   {OldUntil: now, Route: "a"},
		"a cookie that was sent":            {CookieAt: now, Transcoder: "cbor"},
		"a cookie that goes":                {Persist: -1},
		"a cookie for ever":                 {Persist: math.MaxInt64, CookieAt: time.UnixMilli(math.MaxInt64)},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			b := want.Append(nil)
			if got := mustDecode(t, b); !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
			if len(b) != want.Size() {
				t.Errorf("Size() = %d, and it took %d bytes", want.Size(), len(b))
			}
		})
	}
}

func stamps(n int) (list []Stamp) {
	for i := range n {
		list = append(list, Stamp{uint64(i + 1), second(int64(i))})
	}
	return list
}

func TestRandomRecordsRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) // the same records in every run
	for range 2_000 {
		want := randomRecord(random)
		b := want.Append(nil)
		if got := mustDecode(t, b); !reflect.DeepEqual(got, want) || len(b) != want.Size() {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
	}
}

func randomRecord(random *rand.Rand) *Record {
	number := func() uint64 { return random.Uint64() >> random.IntN(64) }
	when := func() time.Time { return time.UnixMilli(int64(number())) }
	r := &Record{
		Tombstone: random.IntN(2) == 0, Unsettled: random.IntN(2) == 0, Term: number(), Version: number(),
		Home: fmt.Sprint("n", number()), Created: when(), LastAccess: when(), IdleTimeout: time.Duration(number()),
		Deadline: when(), Transcoder: strings.Repeat("t", random.IntN(300)),
	}
	for range random.IntN(4) {
		r.Copies = append(r.Copies, Copy{fmt.Sprint("n", number()), uint32(number())})
	}
	if random.IntN(2) == 0 {
		r.Persist, r.CookieAt = -time.Duration(number()), when()
	}
	if random.IntN(2) == 0 {
		r.Route = fmt.Sprint("r", number())
	}
	if random.IntN(2) == 0 {
		r.OldUntil = when()
		for range random.IntN(MaxPast + 1) {
			r.Past = append(r.Past, Rank{number(), number(), number()})
		}
	}
	for range random.IntN(MaxStamps) {
		r.Writes = append(r.Writes, Stamp{1 + number()>>1, time.Unix(int64(number()), 0)})
		r.Requests = append(r.Requests, Stamp{1 + number()>>1, time.Unix(-int64(number()>>1), 0)})
	}
	for range random.IntN(20) {
		r.Set(fmt.Sprint(number()), []byte(strings.Repeat("v", random.IntN(300))))
	}
	return r
}

func TestTimesAreStoredToTheMillisecond(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 123_456_789, time.FixedZone("", 3600))
	got := mustDecode(t, (&Record{Created: at}).Append(nil)).Created
	if !got.Equal(at.Truncate(time.Millisecond)) {
		t.Errorf("stored %v, read %v", at, got)
	}
}

// golden is full() as the first release wrote it. Nodes hold records of every release that is running, or ran within a
// session's life. So if this test fails, readers of the old bytes fail too: increase FormatVersion and keep reading
// this format, instead of changing the constant.
const golden = "01" + "04" + "00" + // format, flags (unsettled), key id
	"0000003b" + "03" + "e724" + "026e31" + // placement: its length, term, version, home
	"02" + "026e31deadbeef" + "026e3200000007" + // copies
	"02" + "0102030405060708f4ec89ab0d" + "00000000000000098a01" + // writes: id, seconds
	"01" + "000000000000000a80ee89ab0d" + // requests
	"00000032" + "f6f7cbc19868" + "f6b183c59868" + "80a0f1c2b134" + "f6e99cee9868" + // body: its length, times
	"0463626f72" + // transcoder
	"03" + "046361727403" + "047573657204" + "0676697369747301" + // attributes: name, size
	"820102" + "63626f62" + "05" + // values
	"8de25fbd" // checksum

func TestGoldenBytes(t *testing.T) {
	want, err := hex.DecodeString(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := full().Append(nil); !bytes.Equal(got, want) {
		t.Errorf("the stored format changed:\n got %x\nwant %x", got, want)
	}
	if got := mustDecode(t, want); !reflect.DeepEqual(got, full()) {
		t.Errorf("old bytes are misread: %+v", got)
	}
}

// TestGoldenRoute checks that the route stands at the end of the placement, and that a bit of the flags tells that it
// is there.
func TestGoldenRoute(t *testing.T) {
	want, err := hex.DecodeString(strings.NewReplacer("010400"+"0000003b", "010c00"+"0000003f", "80ee89ab0d"+"00000032", "80ee89ab0d"+"03617070"+"00000032").Replace(golden))
	if err != nil {
		t.Fatal(err)
	}
	want, routed := withChecksum(want), full()
	routed.Route = "app"
	if got := routed.Append(nil); !bytes.Equal(got, want) {
		t.Errorf("the stored format changed:\n got %x\nwant %x", got, want)
	}
	if got := mustDecode(t, want); !reflect.DeepEqual(got, routed) {
		t.Errorf("old bytes are misread: %+v", got)
	}
}

// TestGoldenCookie checks that the fields about the cookie stand before the attributes, and that a bit of the flags
// tells that they are there.
func TestGoldenCookie(t *testing.T) {
	want, err := hex.DecodeString(strings.NewReplacer(
		"010400"+"0000003b", "011400"+"0000003b", "00000032"+"f6f7", "00000040"+"f6f7",
		"0463626f72"+"03", "0463626f72"+"80808893ca8be50c"+"f6b183c59868"+"03").Replace(golden))
	if err != nil {
		t.Fatal(err)
	}
	want, lasting := withChecksum(want), full()
	lasting.Persist, lasting.CookieAt = 1000*time.Hour, lasting.LastAccess
	if got := lasting.Append(nil); !bytes.Equal(got, want) {
		t.Errorf("the stored format changed:\n got %x\nwant %x", got, want)
	}
	if got := mustDecode(t, want); !reflect.DeepEqual(got, lasting) {
		t.Errorf("old bytes are misread: %+v", got)
	}
}

// TestGoldenLogin checks that what is known of the login stands behind the cookie, and that a bit of the flags tells that it
// is there.
func TestGoldenLogin(t *testing.T) {
	at := full().LastAccess
	for name, test := range map[string]struct {
		login       Login
		names, text string // the size of the names with it, and the login's own bytes
	}{
		"of somebody":     {Login{At: at}, "00000039", "f6b183c59868" + "00"},
		"of a principal":  {Login{At: at, Principal: "ann", Handle: "h1", Number: 300}, "00000041", "f6b183c59868" + "03616e6e" + "026831" + "ac02"},
		"the first of it": {Login{At: at, Principal: "ann", Handle: "h1"}, "00000040", "f6b183c59868" + "03616e6e" + "026831" + "00"},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := hex.DecodeString(strings.NewReplacer(
				"010400"+"0000003b", "014400"+"0000003b", "00000032"+"f6f7", test.names+"f6f7", "0463626f72"+"03", "0463626f72"+test.text+"03").Replace(golden))
			if err != nil {
				t.Fatal(err)
			}
			want, login := withChecksum(want), full()
			login.Login = test.login
			if got := login.Append(nil); !bytes.Equal(got, want) || len(got) != login.Size() {
				t.Errorf("the stored format changed:\n got %x\nwant %x", got, want)
			}
			if got := mustDecode(t, want); !reflect.DeepEqual(got, login) {
				t.Errorf("old bytes are misread: %+v", got)
			}
		})
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	got := full().Append([]byte("before"))
	if !bytes.Equal(got, append([]byte("before"), full().Append(nil)...)) {
		t.Errorf("got %x", got)
	}
}

func TestEveryTruncationIsAnError(t *testing.T) {
	for _, b := range [][]byte{full().Append(nil), shut().Append(nil)} {
		for n := range b {
			if r, err := Decode(b[:n]); !errors.Is(err, ErrCorrupt) || r != nil {
				t.Errorf("the first %d of %d bytes: %+v, %v", n, len(b), r, err)
			}
			// Without the checksum's help it may be read, but never as another record of the same spelling.
			checkSpelling(t, withChecksum(bytes.Clone(b[:n])))
		}
	}
}

func TestEverySingleBitFlipIsAnError(t *testing.T) {
	for _, b := range [][]byte{full().Append(nil), shut().Append(nil)} {
		for bit := range len(b) * 8 {
			flipped := bytes.Clone(b)
			flipped[bit/8] ^= 1 << (bit % 8)
			r, err := Decode(flipped)
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrFormat) || r != nil {
				t.Errorf("bit %d: %+v, %v", bit, r, err)
			}
			checkSpelling(t, withChecksum(flipped))
		}
	}
}

// checkSpelling checks that bytes that Decode accepts are what Append writes for the record.
func checkSpelling(t *testing.T, b []byte) {
	t.Helper()
	r, err := Decode(b)
	if (err == nil || errors.Is(err, ErrSealed)) && !bytes.Equal(r.Append(nil), b) {
		t.Errorf("%x was read as %+v, which is written %x", b, r, r.Append(nil))
	}
}
