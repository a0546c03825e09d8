package sid

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"
)

func key(c byte) []byte { return bytes.Repeat([]byte{c}, minKey) }

func TestSigningDecidesWhoseIDsAreAccepted(t *testing.T) {
	old, current := key('o'), key('c')
	issued := newFormat(t, "MSESSION", old)
	tests := map[string]struct {
		reader *Format
		want   bool
	}{
		"the same key":                              {newFormat(t, "MSESSION", old), true},
		"the key is now the second":                 {newFormat(t, "MSESSION", current, old), true},
		"the key is now the last of four":           {newFormat(t, "MSESSION", key('1'), key('2'), key('3'), old), true},
		"the key was removed":                       {newFormat(t, "MSESSION", current), false},
		"the cookie has another name":               {newFormat(t, "OTHER", old), false},
		"a longer cookie name with the same start":  {newFormat(t, "MSESSION2", old), false},
		"a reader without keys gets a signed token": {newFormat(t, "MSESSION"), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			id := issued.New("n1", "t1")
			if _, ok := test.reader.Parse(id.String()); ok != test.want {
				t.Errorf("Parse = %v, want %v", ok, test.want)
			}
		})
	}
}

func TestSignedFormatRefusesUnsignedIDs(t *testing.T) {
	unsigned := newFormat(t, "MSESSION").New("n1", "t1")
	if _, ok := newFormat(t, "MSESSION", key('k')).Parse(unsigned.String()); ok {
		t.Error("an unsigned id was accepted although there are keys")
	}
}

func TestFirstKeySigns(t *testing.T) {
	rotated := newFormat(t, "MSESSION", key('c'), key('o'))
	if _, ok := newFormat(t, "MSESSION", key('c')).Parse(rotated.New("", "").String()); !ok {
		t.Error("a new id does not verify by the first key alone")
	}
}

func TestEveryChangedBitOfATokenIsRefused(t *testing.T) {
	f := newFormat(t, "MSESSION", key('c'), key('o'))
	var raw [signedSize]byte
	decode(raw[:], f.New("", "").Token)
	for bit := range len(raw) * 8 {
		forged := raw
		forged[bit/8] ^= 1 << (bit % 8)
		if _, ok := f.Parse(encode(forged[:])); ok {
			t.Errorf("bit %d changed and still accepted", bit)
		}
	}
	if _, ok := f.Parse(encode(raw[:])); !ok {
		t.Error("the unchanged token was refused")
	}
}

func TestMovingASessionNeedsNoNewToken(t *testing.T) {
	f := newFormat(t, "MSESSION", key('k'))
	id := f.New("n1", "t1")
	id.Node, id.Route = "n2", "t2"
	if _, ok := f.Parse(id.String()); !ok {
		t.Error("the relocated id was refused")
	}
}

// The tag is HMAC-SHA-256 as anyone else computes it, so that a balancer or another language can check an id.
func TestTagIsPlainHMAC(t *testing.T) {
	var raw [signedSize]byte
	decode(raw[:], newFormat(t, "MSESSION", key('k')).New("", "").Token)
	mac := hmac.New(sha256.New, key('k'))
	mac.Write(raw[:randomSize])
	mac.Write([]byte("MSESSION"))
	if !bytes.Equal(raw[randomSize:], mac.Sum(nil)[:tagSize]) {
		t.Error("the tag is something else")
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
			f, err := NewFormat("MSESSION", test.keys)
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
	if _, ok := newFormat(t, "MSESSION", key('k')).Parse(f.New("", "").String()); !ok {
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
				id, ok := f.Parse(f.New("n1", "t1").String())
				_, forged := f.Parse(strings.Repeat("a", signedLength))
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
