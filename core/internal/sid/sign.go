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

// appendTag appends the tag of a token by the first key.
func (s *signer) appendTag(text []byte, token string) []byte {
	st := s.states.Get().(*state)
	defer s.states.Put(st)
	decode(st.random[:], token)
	return lowerBase32.AppendEncode(text, st.sum(0, s.cookie))
}

// verify tries all keys whatever the first ones say, so that the time tells nobody which key signed. outdated: it was not
// the first.
func (s *signer) verify(token, tag string) (outdated, ok bool) {
	st := s.states.Get().(*state)
	defer s.states.Put(st)
	if !decode(st.random[:], token) || !decode(st.tag[:], tag) {
		return false, false
	}
	first := subtle.ConstantTimeCompare(st.sum(0, s.cookie), st.tag[:])
	others := 0
	for i := 1; i < len(st.macs); i++ {
		others |= subtle.ConstantTimeCompare(st.sum(i, s.cookie), st.tag[:])
	}
	return first == 0, first|others == 1
}

// state is what one call works with. Its arrays live on the heap once, here: given to a hash.Hash from a stack they
// would move there at every call.
type state struct {
	macs   []hash.Hash // one for each key
	random [randomSize]byte
	tag    [tagSize]byte
	room   [sha256.Size]byte
}

func (s *signer) newState() *state {
	st := &state{}
	for _, key := range s.keys {
		st.macs = append(st.macs, hmac.New(sha256.New, key))
	}
	return st
}

// sum returns the tag by the i-th key of what is random in the token. It is valid until the next call.
func (st *state) sum(i int, cookie []byte) []byte {
	mac := st.macs[i]
	mac.Reset()
	mac.Write(st.random[:])
	mac.Write(cookie)
	return mac.Sum(st.room[:0])[:tagSize]
}
