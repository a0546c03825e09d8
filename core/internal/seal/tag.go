package seal

import (
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"time"
)

// TagSize is the length of a tag in bytes: half of an HMAC-SHA-256.
const TagSize = sha256.Size / 2

// Tag authenticates a text that is not encrypted.
type Tag [TagSize]byte

// tag returns the tag of a text that lies under a name.
func (m *master) tag(name string, text []byte) (t Tag) {
	mac := m.tags.Get().(hash.Hash)
	defer m.tags.Put(mac)
	mac.Reset()
	mac.Write([]byte(name))
	mac.Write([]byte{0}) // no name has one
	mac.Write(text)
	copy(t[:], mac.Sum(make([]byte, 0, sha256.Size)))
	return t
}

// Tag returns the tag of a text that is written now, under a name that has no zero byte; zero: texts are not tagged.
func (p *Policy) Tag(name string, text []byte, now time.Time) (t Tag) {
	if p.Seals(now) {
		t = p.ring.Load().keys[0].tag(name, text)
	}
	return t
}

// Accepts reports whether a text that is read now, under a name, was written by an instance with one of the keys, or may be
// without a tag.
func (p *Policy) Accepts(name string, text []byte, t Tag, now time.Time) bool {
	if p == nil || t == (Tag{}) && p.AcceptsPlain(now) {
		return true
	}
	right := 0
	for _, m := range p.ring.Load().keys {
		want := m.tag(name, text)
		right |= subtle.ConstantTimeCompare(want[:], t[:])
	}
	return right == 1
}
