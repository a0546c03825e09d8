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
	// minKey is the least length of a key in bytes, that of the hash: a shorter key is easier to find than a tag is to
	// forge.
	minKey = sha256.Size
	// maxKeys limits the cost of a forged id, for which every key is tried, to two microseconds. A new key, the current
	// one and two old ones are enough for any rotation.
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

// signer makes and verifies tags. Node and route are part of what is signed, so that clients do not choose where their
// requests look. So is the cookie's name: an id of one cookie, or of one application among several that share a key, is
// not valid for another.
type signer struct {
	cookie []byte
	keys   [][]byte
	states sync.Pool // of *state, because setting up an HMAC costs more than computing one
}

func newSigner(cookie string, keys [][]byte) *signer {
	s := &signer{cookie: []byte(cookie)}
	for _, key := range keys {
		s.keys = append(s.keys, slices.Clone(key))
	}
	s.states.New = func() any { return s.newState() }
	return s
}

// appendTag appends the tag of an id, made with the first key.
func (s *signer) appendTag(text []byte, id ID) []byte {
	st := s.states.Get().(*state)
	defer s.states.Put(st)
	st.take(id)
	return lowerBase32.AppendEncode(text, st.sum(0, s.cookie))
}

// verify tries all keys in any case, so that the time it takes does not reveal which key signed. outdated says that it
// was not the first one.
func (s *signer) verify(id ID, tag string) (outdated, ok bool) {
	st := s.states.Get().(*state)
	defer s.states.Put(st)
	if !st.take(id) || !decode(st.tag[:], tag) {
		return false, false
	}
	first := subtle.ConstantTimeCompare(st.sum(0, s.cookie), st.tag[:])
	others := 0
	for i := 1; i < len(st.macs); i++ {
		others |= subtle.ConstantTimeCompare(st.sum(i, s.cookie), st.tag[:])
	}
	return first == 0, first|others == 1
}

// state is the working memory of one call. It is allocated once and reused: arrays on the stack would move to the heap
// with every call, since they are passed to a hash.Hash.
type state struct {
	macs   []hash.Hash // one for each key
	random [randomSize]byte
	place  []byte // what follows the cookie's name, which has no zero byte
	tag    [tagSize]byte
	room   [sha256.Size]byte
}

func (s *signer) newState() *state {
	st := &state{place: make([]byte, 0, 1+MaxLength)}
	for _, key := range s.keys {
		st.macs = append(st.macs, hmac.New(sha256.New, key))
	}
	return st
}

// take takes the id that sum is to sign. It returns false if the token is none.
func (st *state) take(id ID) (ok bool) {
	st.place = id.appendPlace(append(st.place[:0], 0))
	return decode(st.random[:], id.Token)
}

// sum returns the tag of the id that was taken, made with the i-th key. It is valid until the next call.
func (st *state) sum(i int, cookie []byte) []byte {
	mac := st.macs[i]
	mac.Reset()
	mac.Write(st.random[:])
	mac.Write(cookie)
	mac.Write(st.place)
	return mac.Sum(st.room[:0])[:tagSize]
}
