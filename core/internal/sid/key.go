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

// Key returns the memcached key of a session: <prefix><kind>:<base64url(SHA-256(token))>. It holds no byte that a
// client chose, so nothing can be injected with it, and who lists the keys of a node learns no cookie. Node and route
// are not part of it: a session keeps its keys when it moves. It is safe for concurrent use.
func Key(prefix string, kind Kind, token string) string {
	var text [signedLength]byte // room for every token, so that hashing one does not allocate
	sum := sha256.Sum256(append(text[:0], token...))
	var hashed [hashLength]byte
	base64.RawURLEncoding.Encode(hashed[:], sum[:])

	var key strings.Builder
	key.Grow(len(prefix) + 2 + hashLength)
	key.WriteString(prefix)
	key.WriteByte(byte(kind))
	key.WriteByte(':')
	key.Write(hashed[:])
	return key.String()
}
