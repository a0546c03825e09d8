package sid

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Kind says what lies under a key.
type Kind byte

// The kinds of keys.
const (
	Record Kind = 's' // the session's record
	Lock   Kind = 'l' // the session's lock
)

const hashLength = (sha256.Size*8 + 5) / 6

// Hash is what a session's keys hold of its token: enough to find its copies, not enough to make a cookie.
type Hash [sha256.Size]byte

// Key returns the memcached key of a session: <prefix><kind>:<base64url(SHA-256(token))>. It holds no byte that a
// client chose, so nothing can be injected with it, and who lists the keys of a node learns no cookie. Node and route
// are not part of it: a session keeps its keys when it moves. It is safe for concurrent use.
func Key(prefix string, kind Kind, token string) string {
	return HashOf(token).Key(prefix, kind)
}

// Key returns the key of that kind of the session with the hash.
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

// HashOf is that of a token.
func HashOf(token string) Hash {
	var text [signedLength]byte // room for every token, so that hashing one does not allocate
	return sha256.Sum256(append(text[:0], token...))
}

// Short is a short name of the session for the log: the first characters of what follows "s:" in its key in memcached. Of
// 48 bits of a hash nobody makes a cookie, nor of all 256.
func Short(token string) string {
	h := HashOf(token)
	return base64.RawURLEncoding.EncodeToString(h[:shortSize])
}

const shortSize = 6

// KeyPrefix is how every key of that kind begins.
func KeyPrefix(prefix string, kind Kind) string { return prefix + string(kind) + ":" }

// ParseKey returns the hash in a key that [Key] made with that prefix and kind. It is false for every other key.
func ParseKey(prefix string, kind Kind, key string) (h Hash, ok bool) {
	hashed, ok := strings.CutPrefix(key, KeyPrefix(prefix, kind))
	if !ok || len(hashed) != hashLength {
		return Hash{}, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(h[:], []byte(hashed))
	return h, err == nil && n == len(h) // a decoder skips line ends
}
