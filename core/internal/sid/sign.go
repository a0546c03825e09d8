package sid

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"slices"
	"sync"
)

const (
	// minKey is the size of the hash: a shorter key is easier to find than the tag is to forge.
	minKey = sha256.Size
	// maxKeys bounds what one forged id costs, since every key is tried. The new key, the current one and two old
	// ones are enough for any rotation and stay within two microseconds.
	maxKeys = 4
)

func checkKeys(keys [][]byte) error {
	var faults []error
	if len(keys) > maxKeys {
		faults = append(faults, fmt.Errorf("SigningKeys: %d keys, at most %d; remove the oldest", len(keys), maxKeys))
	}
	for i, key := range keys {
		if len(key) < minKey {
			faults = append(faults, fmt.Errorf(
				"SigningKeys[%d]: %d bytes, at least %d; take that many from crypto/rand or `openssl rand`", i, len(key), minKey))
		}
	}
	return errors.Join(faults...)
}

// signer makes and checks tags. The cookie's name is part of what is signed, so that an id of one cookie (or of one
// application, where several share a key) is no id of another.
type signer struct {
	cookie []byte
	keys   [][]byte
	states sync.Pool // of *state: setting up an HMAC costs more than computing one
}

func newSigner(cookie string, keys [][]byte) *signer {
	s := &signer{cookie: []byte(cookie)}
	for _, key := range keys {
		s.keys = append(s.keys, slices.Clone(key))
	}
	s.states.New = func() any { return s.newState() }
	return s
}

// sign returns the token of random.
func (s *signer) sign(random [randomSize]byte) string {
	st := s.states.Get().(*state)
	defer s.states.Put(st)
	copy(st.token[:], random[:])
	copy(st.token[randomSize:], st.tag(0, s.cookie))
	return encode(st.token[:])
}

// verify tries all keys whatever the first ones say, so that the time tells nobody which key signed.
func (s *signer) verify(token string) bool {
	st := s.states.Get().(*state)
	defer s.states.Put(st)
	if !decode(st.token[:], token) {
		return false
	}
	match := 0
	for i := range st.macs {
		match |= subtle.ConstantTimeCompare(st.tag(i, s.cookie), st.token[randomSize:])
	}
	return match == 1
}

// state is what one call works with. Its arrays live on the heap once, here: given to a hash.Hash from a stack they
// would move there at every call.
type state struct {
	macs  []hash.Hash // one for each key
	token [signedSize]byte
	sum   [sha256.Size]byte
}

func (s *signer) newState() *state {
	st := &state{}
	for _, key := range s.keys {
		st.macs = append(st.macs, hmac.New(sha256.New, key))
	}
	return st
}

// tag returns the tag by the i-th key over the random part of the token. It is valid until the next call.
func (st *state) tag(i int, cookie []byte) []byte {
	mac := st.macs[i]
	mac.Reset()
	mac.Write(st.token[:randomSize])
	mac.Write(cookie)
	return mac.Sum(st.sum[:0])[:tagSize]
}
