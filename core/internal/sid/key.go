package sid

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Kind says what is stored under a key.
type Kind byte

// The kinds of keys.
const (
	Record Kind = 's' // the session's record
	Lock   Kind = 'l' // the session's lock
)

const hashLength = (sha256.Size*8 + 5) / 6

// Hash is the part of a session's keys that depends on its token. It suffices to find the copies, but not to make a
// cookie.
type Hash [sha256.Size]byte

// Key returns the memcached key of a session: <prefix><kind>:<base64url(SHA-256(token))>. No byte of it is chosen by a
// client, so nothing can be injected through it, and a list of a node's keys reveals no cookie. Node and route are not
// part of it: a session keeps its keys when it moves. Key is safe for concurrent use.
func Key(prefix string, kind Kind, token string) string {
	return HashOf(token).Key(prefix, kind)
}

// Key returns the key of that kind for the session with the hash h.
func (h Hash) Key(prefix string, kind Kind) string {
	var hashed [hashLength]byte
	base64.RawURLEncoding.Encode(hashed[:], h[:])

	var key strings.Builder
	key.Grow(len(prefix) + 2 + hashLength)
	key.WriteString(prefix)
	key.WriteByte(byte(kind))
	key.WriteByte(':')
	key.Write(hashed[:])
	return key.String()
}

// HashOf returns the hash of a token.
func HashOf(token string) Hash {
	var text [signedLength]byte // room for every token, so that no allocation is needed
	return sha256.Sum256(append(text[:0], token...))
}

// Short returns a short name of the session for the log: the first 8 characters of what follows "s:" in its memcached
// key. They hold 48 bits of the hash; not even all 256 suffice to make a cookie.
func Short(token string) string {
	h := HashOf(token)
	return base64.RawURLEncoding.EncodeToString(h[:shortSize])
}

const shortSize = 6

// KeyPrefix returns how every key of that kind begins.
func KeyPrefix(prefix string, kind Kind) string { return prefix + string(kind) + ":" }

// ParseKey returns the hash in a key that [Key] has made with that prefix and kind. For every other key ok is false.
func ParseKey(prefix string, kind Kind, key string) (h Hash, ok bool) {
	hashed, ok := strings.CutPrefix(key, KeyPrefix(prefix, kind))
	if !ok || len(hashed) != hashLength {
		return Hash{}, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(h[:], []byte(hashed))
	return h, err == nil && n == len(h) // the decoder skips line breaks
}
