// Package sid makes and parses session ids: <token>[<tag>]-<node>.<route>. No other package knows the format.
//
// The token is the secret: random bytes. With signing keys a tag follows, which proves that this application made the
// id. The node says where the record is stored, and the route says which app instance serves it; both may change while
// the token stays, and the tag with them. It identifies nothing, so a session outlives the signing keys. The
// format is that of memcached-session-manager, and load balancers that route by the part after the dot understand it.
//
// Except for its tag an id has exactly one spelling: what [Format.Parse] accepts is what [Format.Spell] writes, byte
// for byte.
//
// sid.go has the id and its Format, parts.go splits an id, sign.go makes and verifies tags, key.go and foreign.go make
// the keys in memcached.
package sid

import (
	"crypto/rand"
	"strings"
	"time"
)

// The longest parts of an id, in bytes, and the longest id.
const (
	maxNode  = 32
	maxRoute = 64
	// MaxLength is the length of the longest id, and so of the longest text that Parse looks at. It follows from the
	// parts: a lower limit would refuse ids that New made for a long node and a long route.
	MaxLength = signedLength + len("-") + maxNode + len(".") + maxRoute
)

// ID is a session id, split into its parts. The zero ID means that there is no session. IDs are values: they can be
// compared, and shared between goroutines.
//
// A relocation (another primary) or a takeover (another app instance) makes a new ID with the same Token and another
// Node or Route.
type ID struct {
	Token string // the secret, without its tag; names the record, and is constant while the session keeps its id
	Node  string // the id of the primary; empty with a single node without an id
	Route string // the name of the app instance; empty without routes
}

// IsZero reports whether the ID is zero: there is no session.
func (id ID) IsZero() bool { return id == ID{} }

// Clone returns a copy of the id in memory of its own. An id from Parse is a piece of a request's header, which it
// would keep alive.
func (id ID) Clone() ID {
	return ID{Token: strings.Clone(id.Token), Node: strings.Clone(id.Node), Route: strings.Clone(id.Route)}
}

// Format makes and parses the ids of one cookie. NewFormat returns one. It is safe for concurrent use.
type Format struct {
	signer        *signer   // nil: ids are not signed
	unsignedUntil time.Time // until when unsigned ids are accepted in spite of the signer
}

// NewFormat returns the format of ids for the cookie with that name. The first key signs and all keys verify. Without
// keys ids are not signed. Until unsignedUntil, which may be zero, unsigned ids are accepted although there are keys.
// The error joins all faults. The keys are copied.
func NewFormat(cookieName string, keys [][]byte, unsignedUntil time.Time) (*Format, error) {
	if len(keys) == 0 {
		return &Format{}, nil
	}
	if err := checkKeys(keys); err != nil {
		return nil, err
	}
	return &Format{signer: newSigner(cookieName, keys), unsignedUntil: unsignedUntil}, nil
}

// New returns an id that nobody can guess. node and route must be valid or empty. Both come from the application's own
// configuration, so anything else is a programming error: New panics rather than return an id that Parse will refuse.
// If the system's random source fails, the program ends, as [crypto/rand.Read] documents: no id is better than a weak
// one.
func (f *Format) New(node, route string) ID {
	if node != "" && !ValidNode(node) || route != "" && !ValidRoute(route) {
		panic("sid: New with a bad node or route; check them with ValidNode and ValidRoute first")
	}
	var random [randomSize]byte
	rand.Read(random[:])
	return ID{Token: encode(random[:]), Node: node, Route: route}
}

// Spell returns the id as it stands in a cookie, signed by the first key if there are keys. For the zero ID it returns
// "".
func (f *Format) Spell(id ID) string {
	if id.IsZero() {
		return ""
	}
	var room [MaxLength]byte
	text := append(room[:0], id.Token...)
	if f.signer != nil {
		text = f.signer.appendTag(text, id)
	}
	return string(id.appendPlace(text))
}

// appendPlace appends what follows the token and its tag.
func (id ID) appendPlace(text []byte) []byte {
	if id.Node != "" {
		text = append(append(text, '-'), id.Node...)
	}
	if id.Route != "" {
		text = append(append(text, '.'), id.Route...)
	}
	return text
}

// Parse parses an id that a client sent. ok is false for everything that New and Spell cannot have made: malformed, too
// long, unsigned although there are keys, or signed with another key. Without keys a well-formed tag is accepted
// unchecked, since an id without a tag is as good. A node that is not configured is not refused here; package cluster
// finds out.
//
// outdated says that the client should get the id again as Spell writes it: it is unsigned, or signed with another key
// than the first.
//
// Parse does not allocate: the parts are pieces of s. A caller that keeps them beyond the request copies them with
// [ID.Clone], or keeps the whole Cookie header alive.
func (f *Format) Parse(s string) (id ID, outdated, ok bool) {
	if len(s) > MaxLength {
		return ID{}, false, false
	}
	id, tag, ok := split(s)
	if !ok {
		return ID{}, false, false
	}
	if outdated, ok = f.verify(id, tag); !ok { // last, because it is the expensive check
		return ID{}, false, false
	}
	return id, outdated, true
}

func (f *Format) verify(id ID, tag string) (outdated, ok bool) {
	if tag != "" && f.signer != nil {
		return f.signer.verify(id, tag)
	}
	var random [randomSize]byte
	if !decode(random[:], id.Token) {
		return false, false
	}
	switch {
	case f.signer != nil:
		return true, time.Now().Before(f.unsignedUntil)
	case tag != "":
		var sum [tagSize]byte
		return false, decode(sum[:], tag)
	}
	return false, true
}
