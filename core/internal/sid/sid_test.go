package sid

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// plain is a token of 16 bytes: 00, 01, … 0f.
const plain = "aaaqeayeaudaocajbifqydiob4"

func newFormat(t testing.TB, cookie string, keys ...[]byte) *Format {
	t.Helper()
	f, err := NewFormat(cookie, keys, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestParseAcceptsWhatSpellWrites(t *testing.T) {
	tests := map[string]struct {
		text string
		want ID
	}{
		"a token alone":                   {plain, ID{Token: plain}},
		"a node":                          {plain + "-n1", ID{plain, "n1", ""}},
		"a route":                         {plain + ".t1", ID{plain, "", "t1"}},
		"a node and a route":              {plain + "-n1.t1", ID{plain, "n1", "t1"}},
		"a route with dashes":             {plain + "-n1.shop-7d4b-x2", ID{plain, "n1", "shop-7d4b-x2"}},
		"a route with dashes and no node": {plain + ".shop-7d4b-x2", ID{plain, "", "shop-7d4b-x2"}},
		"a node nobody configured":        {plain + "-nowhere", ID{plain, "nowhere", ""}},
		"the longest node and route": {
			plain + "-" + strings.Repeat("N", 32) + "." + strings.Repeat("r", 64),
			ID{plain, strings.Repeat("N", 32), strings.Repeat("r", 64)},
		},
	}
	f := newFormat(t, "MSESSION")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, outdated, ok := f.Parse(test.text)
			if !ok || outdated || got != test.want {
				t.Errorf("Parse(%q) = %+v, %v, %v; want %+v", test.text, got, outdated, ok, test.want)
			}
			if spelled := f.Spell(got); spelled != test.text {
				t.Errorf("Spell = %q, want %q", spelled, test.text)
			}
		})
	}
}

func TestParseRefusesMalformedIDs(t *testing.T) {
	tests := map[string]string{
		"nothing":                  "",
		"upper case":               strings.ToUpper(plain),
		"one letter in upper case": "A" + plain[1:],
		"padding":                  plain + "======",
		"unused bits of the last letter not zero": plain[:25] + "5",
		"digits outside the alphabet":             plain[:25] + "1",
		"15 bytes":                                lowerBase32.EncodeToString(make([]byte, 15)),
		"17 bytes":                                lowerBase32.EncodeToString(make([]byte, 17)),
		"a letter too few":                        plain[:25],
		"a letter too many":                       plain + "a",
		"no token":                                "-n1.t1",
		"an empty node":                           plain + "-",
		"an empty node before a route":            plain + "-.t1",
		"an empty route":                          plain + ".",
		"an empty route after a node":             plain + "-n1.",
		"a second dash":                           plain + "-n1-n2",
		"two dashes":                              plain + "--n1",
		"a dot in the route":                      plain + "-n1.t1.t2",
		"two dots":                                plain + "-n1..t1",
		"a node behind the route":                 plain + ".t1-n1.t2",
		"a line break in the token":               plain[:13] + "\r\n" + plain[13:],
		"a line break instead of letters":         plain[:24] + "\r\n",
		"a line break at the end":                 plain + "\r\n",
		"a memcached command behind the node":     plain + "-n1\r\nflush_all\r\n",
		"a line break in the route":               plain + "-n1.t1\r\nSet-Cookie: a=b",
		"NUL at the end":                          plain + "\x00",
		"NUL in the node":                         plain + "-n\x001",
		"a percent escape":                        plain + "%2Dn1",
		"a percent escape in the route":           plain + "-n1.t%31",
		"double quotes":                           `"` + plain + `"`,
		"a quoted route":                          plain + `-n1."t1"`,
		"a blank in front":                        " " + plain,
		"a blank behind":                          plain + "-n1.t1 ",
		"a node that is an address":               plain + "-10.0.0.1:11211",
		"a node with a slash":                     plain + "-../n1",
		"a letter of another script in the token": "а" + plain[2:], // Cyrillic
		"a letter of another script in the node":  plain + "-nо1",
		"a full-width digit in the route":         plain + "-n1.t１",
		"a byte that is no UTF-8":                 plain + "-n1.\xff",
		"a node one letter too long":              plain + "-" + strings.Repeat("n", 33),
		"a route one letter too long":             plain + "-n1." + strings.Repeat("r", 65),
		"a byte more than the longest id":         plain + "." + strings.Repeat("r", MaxLength-len(plain)),
		"70,000 letters":                          strings.Repeat("a", 70_000),
		"a good id and 70,000 letters of route":   plain + "-n1." + strings.Repeat("a", 70_000),
		"an id of Tomcat's own":                   "0123456789ABCDEF0123456789ABCDEF-n1.tomcat1",
	}
	signed := newFormat(t, "MSESSION", key('k'))
	good := signed.Spell(signed.New("", ""))
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if id, _, ok := newFormat(t, "MSESSION").Parse(text); ok || !id.IsZero() {
				t.Errorf("Parse(%q) = %+v, %v", text, id, ok)
			}
			if text == good {
				t.Fatal("the table holds a good id")
			}
			text = strings.Replace(text, plain, good, 1)
			if id, _, ok := signed.Parse(text); ok || !id.IsZero() {
				t.Errorf("signed: Parse(%q) = %+v, %v", text, id, ok)
			}
		})
	}
}

func TestNewMakesWhatParseAccepts(t *testing.T) {
	for name, f := range map[string]*Format{
		"unsigned": newFormat(t, "MSESSION"),
		"signed":   newFormat(t, "MSESSION", key('k')),
	} {
		for _, node := range []string{"", "n1", strings.Repeat("n", 32)} {
			for _, route := range []string{"", "t1", strings.Repeat("r", 64)} {
				id := f.New(node, route)
				text := f.Spell(id)
				if got, outdated, ok := f.Parse(text); !ok || outdated || got != id {
					t.Errorf("%s: Parse(%q) = %+v, %v, %v", name, text, got, outdated, ok)
				}
				if len(text) > MaxLength {
					t.Errorf("%s: %q is longer than MaxLength", name, text)
				}
			}
		}
	}
}

func TestNewRefusesPartsThatParseWouldRefuse(t *testing.T) {
	for name, parts := range map[string][2]string{
		"a dash in the node": {"n-1", ""},
		"a dot in the route": {"", "host.example.com"},
		"a header injection": {"", "t1\r\nSet-Cookie: a=b"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			newFormat(t, "MSESSION").New(parts[0], parts[1])
		})
	}
}

func TestNewNeverRepeats(t *testing.T) {
	const n = 10_000
	f := newFormat(t, "MSESSION", key('k'))
	seen := make(map[string]bool, n)
	var letters [signedLength][256]bool
	for range n {
		token := f.Spell(f.New("", ""))
		seen[token[:randomLength]] = true
		for i := range len(token) {
			letters[i][token[i]] = true
		}
	}
	if len(seen) != n {
		t.Errorf("%d different tokens of %d", len(seen), n)
	}
	for i, set := range letters {
		want := 32
		if i == randomLength-1 || i == signedLength-1 { // two of the bits are unused
			want = 8
		}
		if count := bytes.Count(boolBytes(set[:]), []byte{1}); count != want {
			t.Errorf("position %d only ever held %d of %d letters", i, count, want)
		}
	}
}

func boolBytes(set []bool) []byte {
	b := make([]byte, len(set))
	for i, ok := range set {
		if ok {
			b[i] = 1
		}
	}
	return b
}

type noEntropy struct{}

func (noEntropy) Read([]byte) (int, error) { return 0, os.ErrClosed }

// TestNewWithoutEntropyEndsTheProgram checks that a program without a random source dies. It takes a second process to
// see that.
func TestNewWithoutEntropyEndsTheProgram(t *testing.T) {
	if os.Getenv("SID_TEST_NO_ENTROPY") != "" {
		rand.Reader = noEntropy{}
		t.Logf("issued %q", newFormat(t, "MSESSION").New("", ""))
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "SID_TEST_NO_ENTROPY=1")
	out, err := cmd.CombinedOutput()
	if err == nil || strings.Contains(string(out), "issued") {
		t.Errorf("the program lived on: %v\n%s", err, out)
	}
}

func TestTokensAreOrdinaryBase32(t *testing.T) {
	token := newFormat(t, "MSESSION").New("", "").Token
	std := base32.StdEncoding.WithPadding(base32.NoPadding)
	b, err := std.DecodeString(strings.ToUpper(token))
	if err != nil || len(b) != randomSize || strings.ToLower(std.EncodeToString(b)) != token {
		t.Errorf("%q is %d bytes, %v", token, len(b), err)
	}
}

func TestZeroID(t *testing.T) {
	for _, f := range []*Format{newFormat(t, "MSESSION"), newFormat(t, "MSESSION", key('k'))} {
		if !(ID{}).IsZero() || f.Spell(ID{}) != "" {
			t.Error("the zero ID is none, and empty")
		}
	}
	if (ID{Token: plain}).IsZero() {
		t.Error("an ID with a token is not zero")
	}
}
