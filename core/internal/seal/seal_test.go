package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"testing"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func ring(t testing.TB, keys ...[]byte) *Ring {
	t.Helper()
	r, err := NewRing(keys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSealIsPlainHKDFAndGCM: SR-39. Another program opens what is sealed with nothing but the standard algorithms.
func TestSealIsPlainHKDFAndGCM(t *testing.T) {
	sealed := ring(t, key(1)).Session("token", "msm:s:name").Seal([]byte("headbody"), 4)
	if !bytes.HasPrefix(sealed, []byte("head")) || len(sealed) != 8+Overhead {
		t.Fatalf("%x", sealed)
	}
	own, err := hkdf.Key(sha256.New, key(1), nil, "msm record\x00msm:s:name\x00token", 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(own)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := gcm.Open(nil, sealed[4:16], sealed[16:], nil); err != nil || string(body) != "body" {
		t.Errorf("%q, %v", body, err)
	}
}

// TestRotation: T-08. What any key of the ring has sealed is opened, and no other key is tried.
func TestRotation(t *testing.T) {
	old := ring(t, key(1)).Session("token", "name")
	sealed := old.Seal([]byte("body"), 0)
	for name, c := range map[string]struct {
		keys [][]byte
		want error
	}{
		"the key is the first one":     {[][]byte{key(1)}, nil},
		"the key was replaced":         {[][]byte{key(2), key(1)}, nil},
		"the key is the oldest of all": {[][]byte{key(4), key(3), key(2), key(1)}, nil},
		"the key is gone":              {[][]byte{key(2), key(3)}, ErrNoKey},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := ring(t, c.keys...).Session("token", "name").Open(old.KeyID(), sealed)
			if !errors.Is(err, c.want) || c.want == nil && string(body) != "body" {
				t.Errorf("%q, %v", body, err)
			}
		})
	}
}

// TestKeysWithOneID: two keys of a ring may have the same id by chance, and open what each has sealed.
func TestKeysWithOneID(t *testing.T) {
	first := ring(t, key(0)).Session("token", "name")
	for n := 1; ; n++ {
		another := append(key(0), byte(n), byte(n>>8))
		both := ring(t, another, key(0))
		if both.keys[0].id != both.keys[1].id {
			continue
		}
		s := both.Session("token", "name")
		for _, sealed := range [][]byte{first.Seal([]byte("body"), 0), s.Seal([]byte("body"), 0)} {
			if body, err := s.Open(s.KeyID(), sealed); err != nil || string(body) != "body" {
				t.Errorf("%q, %v", body, err)
			}
		}
		sealed := ring(t, key(9)).Session("token", "name").Seal([]byte("body"), 0)
		if _, err := s.Open(s.KeyID(), sealed); !errors.Is(err, ErrForged) {
			t.Error(err)
		}
		return
	}
}

// TestKeysThatCannotBeUsed checks that the error says which key is wrong, and what to do.
func TestKeysThatCannotBeUsed(t *testing.T) {
	for name, c := range map[string]struct {
		keys [][]byte
		want string
	}{
		"a short one":   {[][]byte{key(1), []byte("short")}, "key 1: 5 bytes, at least 32"},
		"too many":      {[][]byte{key(1), key(2), key(3), key(4), key(5)}, "5 keys, at most 4"},
		"an empty one":  {[][]byte{nil}, "key 0: 0 bytes"},
		"a shorter AES": {[][]byte{make([]byte, 16)}, "key 0: 16 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewRing(c.keys); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q in it", err, c.want)
			}
		})
	}
}

// TestNoncesAreNotUsedTwice: T-09.
func TestNoncesAreNotUsedTwice(t *testing.T) {
	s, seen := ring(t, key(1)).Session("token", "name"), map[string]bool{}
	for range 100_000 {
		nonce := string(s.Seal(nil, 0)[:12])
		if seen[nonce] {
			t.Fatal("a nonce was used twice")
		}
		seen[nonce] = true
	}
}

// TestManySessionsAtOnce is for the race detector.
func TestManySessionsAtOnce(t *testing.T) {
	r := ring(t, key(2), key(1))
	shared := r.Session("token", "name")
	old := ring(t, key(1)).Session("token", "name")
	sealed := old.Seal([]byte("body"), 0)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if body, err := shared.Open(old.KeyID(), sealed); err != nil || string(body) != "body" {
					t.Errorf("%q, %v", body, err)
				}
				own := r.Session("other", "name")
				if _, err := own.Open(own.KeyID(), own.Seal([]byte("body"), 0)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkSealAndOpen does both with 2 KiB, as a request does that changes its session.
func BenchmarkSealAndOpen(b *testing.B) {
	r, body := ring(b, key(1)), make([]byte, 2048, 2048+Overhead)
	b.ReportAllocs()
	for b.Loop() {
		s := r.Session("token", "name")
		if _, err := s.Open(s.KeyID(), s.Seal(body, 0)); err != nil {
			b.Fatal(err)
		}
	}
}
