package sid

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func key(c byte) []byte { return bytes.Repeat([]byte{c}, minKey) }

func TestSigningDecidesWhoseIDsAreAccepted(t *testing.T) {
	old, current := key('o'), key('c')
	issued := newFormat(t, "MSESSION", old)
	tests := map[string]struct {
		reader *Format
		want   bool
	}{
		"the same key":                                  {newFormat(t, "MSESSION", old), true},
		"the key is now the second":                     {newFormat(t, "MSESSION", current, old), true},
		"the key is now the last of four":               {newFormat(t, "MSESSION", key('1'), key('2'), key('3'), old), true},
		"the key was removed":                           {newFormat(t, "MSESSION", current), false},
		"the cookie has another name":                   {newFormat(t, "OTHER", old), false},
		"a longer cookie name with the same start":      {newFormat(t, "MSESSION2", old), false},
		"a reader without keys, whom a token is enough": {newFormat(t, "MSESSION"), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			id := issued.New("n1", "t1")
			got, _, ok := test.reader.Parse(issued.Spell(id))
			if ok != test.want || ok && got != id {
				t.Errorf("Parse = %+v, %v, want %v", got, ok, test.want)
			}
		})
	}
}

// TestUnsignedIDs checks that unsigned ids are accepted without keys, and with keys until the configured moment.
func TestUnsignedIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		unsigned := newFormat(t, "MSESSION")
		id := unsigned.New("n1", "t1")
		for name, test := range map[string]struct {
			keys           [][]byte
			until          time.Time
			outdated, want bool
		}{
			"without keys":                  {nil, time.Time{}, false, true},
			"with a key":                    {[][]byte{key('k')}, time.Time{}, true, false},
			"a moment before the time ends": {[][]byte{key('k')}, start.Add(1), true, true},
			"the moment it has ended":       {[][]byte{key('k')}, start, true, false},
			"an hour later":                 {[][]byte{key('k')}, start.Add(-time.Hour), true, false},
		} {
			f, err := NewFormat("MSESSION", test.keys, test.until)
			if err != nil {
				t.Fatal(err)
			}
			got, outdated, ok := f.Parse(unsigned.Spell(id))
			if ok != test.want || ok && (got != id || outdated != test.outdated) {
				t.Errorf("%s: %+v, outdated %v, %v", name, got, outdated, ok)
			}
		}
		f, _ := NewFormat("MSESSION", [][]byte{key('k')}, start.Add(time.Hour))
		time.Sleep(time.Hour - time.Nanosecond)
		if _, _, ok := f.Parse(unsigned.Spell(id)); !ok {
			t.Error("refused before the time was over")
		}
		time.Sleep(time.Nanosecond)
		if _, _, ok := f.Parse(unsigned.Spell(id)); ok {
			t.Error("accepted when the time was over")
		}
	})
}

func TestFirstKeySigns(t *testing.T) {
	rotated := newFormat(t, "MSESSION", key('c'), key('o'))
	text := rotated.Spell(rotated.New("", ""))
	if _, outdated, ok := newFormat(t, "MSESSION", key('c')).Parse(text); !ok || outdated {
		t.Error("a new id does not verify by the first key alone")
	}
}

// TestAnotherKeysIDIsOutdated checks that an id signed with an older key is the same id, and is to be signed again with
// the first key.
func TestAnotherKeysIDIsOutdated(t *testing.T) {
	old, rotated := newFormat(t, "MSESSION", key('o')), newFormat(t, "MSESSION", key('c'), key('o'))
	text := old.Spell(old.New("n1", "t1"))
	id, outdated, ok := rotated.Parse(text)
	if !ok || !outdated {
		t.Errorf("outdated %v, %v", outdated, ok)
	}
	again, outdated, ok := newFormat(t, "MSESSION", key('c')).Parse(rotated.Spell(id))
	if !ok || outdated || again != id {
		t.Errorf("%+v, outdated %v, %v", again, outdated, ok)
	}
}

func TestEveryChangedBitOfASignedIDIsRefused(t *testing.T) {
	for name, f := range map[string]*Format{
		"the first key signed":  newFormat(t, "MSESSION", key('c'), key('o')),
		"the second key signed": newFormat(t, "MSESSION", key('o'), key('c')),
	} {
		issuer := newFormat(t, "MSESSION", key('c'))
		text := issuer.Spell(issuer.New("", ""))
		var raw [randomSize + tagSize]byte
		decode(raw[:randomSize], text[:randomLength])
		decode(raw[randomSize:], text[randomLength:])
		for bit := range len(raw) * 8 {
			forged := raw
			forged[bit/8] ^= 1 << (bit % 8)
			if _, _, ok := f.Parse(encode(forged[:randomSize]) + encode(forged[randomSize:])); ok {
				t.Errorf("%s: bit %d changed and still accepted", name, bit)
			}
		}
		if _, _, ok := f.Parse(text); !ok {
			t.Errorf("%s: the unchanged id was refused", name)
		}
	}
}

func TestMovingASessionNeedsNoNewToken(t *testing.T) {
	f := newFormat(t, "MSESSION", key('k'))
	id := f.New("n1", "t1")
	id.Node, id.Route = "n2", "t2"
	if _, _, ok := f.Parse(f.Spell(id)); !ok {
		t.Error("the relocated id was refused")
	}
}

// TestTagIsPlainHMAC checks that the tag is a standard HMAC-SHA-256, so that a load balancer or another language can
// verify an id.
func TestTagIsPlainHMAC(t *testing.T) {
	f := newFormat(t, "MSESSION", key('k'))
	text := f.Spell(f.New("n1", "a"))
	var random [randomSize]byte
	decode(random[:], text[:randomLength])
	mac := hmac.New(sha256.New, key('k'))
	mac.Write(random[:])
	mac.Write([]byte("MSESSION\x00-n1.a"))
	if text[randomLength:] != encode(mac.Sum(nil)[:tagSize])+"-n1.a" {
		t.Error("the tag is something else")
	}
}

// TestNodeAndRouteAreSigned: T-03. A client does not choose where its requests look for a session.
func TestNodeAndRouteAreSigned(t *testing.T) {
	f := newFormat(t, "MSESSION", key('k'))
	id := f.New("n1", "a")
	text := f.Spell(id)
	signed := text[:signedLength]
	for _, place := range []string{"", "-n2.a", "-n1.b", "-n1", ".a", "-n1.a1", "-zz.a"} {
		if _, _, ok := f.Parse(signed + place); ok {
			t.Errorf("%q is accepted", place)
		}
	}
	if got, _, ok := f.Parse(text); !ok || got != id {
		t.Errorf("%q is not accepted", text)
	}
}

func TestNewFormatChecksAllKeys(t *testing.T) {
	tests := map[string]struct {
		keys [][]byte
		want []string // in the error
	}{
		"a key of 31 bytes": {[][]byte{key('a'), key('b')[1:]}, []string{"SigningKeys[1]", "31", "at least 32"}},
		"an empty key":      {[][]byte{{}}, []string{"SigningKeys[0]", "0 bytes"}},
		"two short keys":    {[][]byte{{1}, {2}}, []string{"SigningKeys[0]", "SigningKeys[1]"}},
		"five keys":         {[][]byte{key('1'), key('2'), key('3'), key('4'), key('5')}, []string{"5 keys", "at most 4"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := NewFormat("MSESSION", test.keys, time.Time{})
			if err == nil || f != nil {
				t.Fatal("accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestNewFormatCopiesKeys(t *testing.T) {
	mine := key('k')
	f := newFormat(t, "MSESSION", mine)
	clear(mine)
	if _, _, ok := newFormat(t, "MSESSION", key('k')).Parse(f.Spell(f.New("", ""))); !ok {
		t.Error("a change of the caller's key changed the format")
	}
}

func TestFormatIsSafeForConcurrentUse(t *testing.T) {
	f := newFormat(t, "MSESSION", key('c'), key('o'))
	done := make(chan bool)
	for range 4 {
		go func() {
			good := true
			for range 500 {
				id, _, ok := f.Parse(f.Spell(f.New("n1", "t1")))
				_, _, forged := f.Parse(strings.Repeat("a", signedLength))
				good = good && ok && !forged && id.Node == "n1"
			}
			done <- good
		}()
	}
	for range 4 {
		if !<-done {
			t.Error("a good id was refused or a forged one accepted")
		}
	}
}
