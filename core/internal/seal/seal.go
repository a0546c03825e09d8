// Package seal encrypts the records of sessions, so that who reads the nodes learns nothing, and who writes to them cannot
// make a session up, change one, or put one in another's place.
//
// A session's key is derived by HKDF-SHA-256 (RFC 5869) from the master key, the session's token and the name of its
// record. So a master key alone opens nothing without the clients' cookies, and each session has the whole limit of
// AES-GCM with random nonces to itself: 2^32 writes (NIST SP 800-38D).
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"slices"
	"sync"
)

const (
	// minKey is the least length of a master key in bytes: that of an AES-256 key.
	minKey = 32
	// maxKeys is enough for any rotation: a new key, the current one and two old ones.
	maxKeys = 4
	// Overhead is by how many bytes a sealed body is longer: a nonce and a tag.
	Overhead = 12 + 16
)

// The errors of Open.
var (
	ErrNoKey  = errors.New("it is sealed with a key that this instance does not have")
	ErrForged = errors.New("its seal is broken")
)

// Ring is the master keys of an application. It is safe for concurrent use.
type Ring struct{ keys []*master }

// master is a master key.
type master struct {
	id     uint8     // tells keys apart in records; never 0
	states sync.Pool // of *state, because setting up an HMAC costs more than computing one
	tags   sync.Pool // of hash.Hash, likewise; see Ring.Tag
}

// state is the working memory of one derivation. It is allocated once and reused: arrays on the stack would move to the
// heap with every call, since they are passed to a hash.Hash.
type state struct {
	mac  hash.Hash
	info []byte
	key  [sha256.Size]byte
}

// NewRing returns a ring of keys, of which the first one seals and all open. There may be four, each of at least 32
// bytes. The error says what is wrong with them.
func NewRing(keys [][]byte) (*Ring, error) {
	var faults []error
	if len(keys) > maxKeys {
		faults = append(faults, fmt.Errorf("%d keys, at most %d; remove the oldest", len(keys), maxKeys))
	}
	r := &Ring{}
	for i, key := range keys {
		if len(key) < minKey {
			faults = append(faults, fmt.Errorf(
				"key %d: %d bytes, at least %d; take that many from crypto/rand or `openssl rand`", i, len(key), minKey))
			continue
		}
		m, err := newMaster(key)
		if err != nil {
			faults = append(faults, fmt.Errorf("key %d: %w", i, err))
			continue
		}
		r.keys = append(r.keys, m)
	}
	return r, errors.Join(faults...)
}

// newMaster does the first step of HKDF, which is the same for all sessions.
func newMaster(key []byte) (*master, error) {
	m := &master{}
	pseudorandom, err := hkdf.Extract(sha256.New, key, nil)
	if err != nil {
		return nil, err
	}
	m.states.New = func() any { return &state{mac: hmac.New(sha256.New, pseudorandom)} }
	st := m.states.Get().(*state)
	defer m.states.Put(st)
	m.id = max(st.derive("msm key id", "", "")[0], 1)
	tags := slices.Clone(st.derive("msm message", "", ""))
	m.tags.New = func() any { return hmac.New(sha256.New, tags) }
	return m, nil
}

// derive does the second step of HKDF, for as many bytes as one hash has. Purpose and name have no zero byte. The result is
// valid until the next call.
func (st *state) derive(purpose, name, token string) []byte {
	info := append(append(st.info[:0], purpose...), 0)
	info = append(append(info, name...), 0)
	st.info = append(append(info, token...), 1) // 1: the number of the hash
	st.mac.Reset()
	st.mac.Write(st.info)
	clear(st.info)
	return st.mac.Sum(st.key[:0])
}

// Session returns what seals the record of a session, which nodes have under that name, and opens it. The token must
// be secret.
func (r *Ring) Session(token, name string) *Session {
	return &Session{ring: r, token: token, name: name}
}

// Session seals and opens the record of one session. It is safe for concurrent use.
type Session struct {
	ring        *Ring
	token, name string

	mu      sync.Mutex
	ciphers [maxKeys]cipher.AEAD // by key; nil: not made yet
}

// KeyID returns the id of the key with which Seal seals.
func (s *Session) KeyID() uint8 { return s.ring.keys[0].id }

// Seal encrypts what lies behind the first bytes of b, and returns b, longer by Overhead.
func (s *Session) Seal(b []byte, first int) []byte {
	return s.cipher(0).Seal(b[:first], nil, b[first:], nil) //nolint:gosec // G407: nil lets the cipher make the nonce
}

// Open returns what was sealed by the key with that id. The error is ErrNoKey or ErrForged.
func (s *Session) Open(id uint8, sealed []byte) ([]byte, error) {
	err := ErrNoKey
	for i, key := range s.ring.keys {
		if key.id != id {
			continue
		}
		body, broken := s.cipher(i).Open(nil, nil, sealed, nil)
		if broken == nil {
			return body, nil
		}
		err = ErrForged // unless another key has the same id
	}
	return nil, err
}

// cipher returns the cipher of the session's own key, by the master key of that index.
func (s *Session) cipher(i int) cipher.AEAD {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ciphers[i] == nil {
		s.ciphers[i] = s.newCipher(i)
	}
	return s.ciphers[i]
}

func (s *Session) newCipher(i int) cipher.AEAD {
	from := &s.ring.keys[i].states
	st := from.Get().(*state)
	defer from.Put(st)
	block, err := aes.NewCipher(st.derive("msm record", s.name, s.token))
	if err == nil {
		var c cipher.AEAD
		if c, err = cipher.NewGCMWithRandomNonce(block); err == nil {
			return c
		}
	}
	panic(err) // only for a key of another length than this one has
}
