// Package sid is the only place that knows what a session id looks like: <token>[<tag>]-<node>.<route>.
//
// The token is the secret: random bytes. With signing keys a tag follows that proves that we made them. The node says
// where the record lies and the route which app instance serves it, so both may change while the token stays; so may the
// tag, which names nothing: a session outlives the keys. It is the format of memcached-session-manager, and balancers that
// route by the part after the dot understand it.
//
// But for its tag an id has exactly one spelling: what [Format.Parse] accepts is what [Format.Spell] writes, byte for byte.
package sid

import (
	"crypto/rand"
	"strings"
	"time"
)

// The longest parts, and with them the longest id.
const (
	maxNode  = 32
	maxRoute = 64
	// MaxLength is the length of the longest id there is, and so the longest text that Parse looks at. It follows
	// from the parts: a lower cap would refuse ids that New itself made for a long node and a long route.
	MaxLength = signedLength + len("-") + maxNode + len(".") + maxRoute
)

// ID is a session id in its parts. The zero ID means: no session. IDs are values, comparable, and safe to share.
//
// Relocation and takeover make a new ID of the same Token and another Node or Route.
type ID struct {
	Token string // the secret, without its tag; names the record, never changes while the session keeps its id
	Node  string // the node of the primary; empty with a single node without an id
	Route string // the app instance; empty without routes
}

// IsZero reports whether there is no id.
func (id ID) IsZero() bool { return id == ID{} }

// Clone returns the id in memory of its own: one from Parse is a piece of a request's header, which must not be kept for it.
func (id ID) Clone() ID {
	return ID{Token: strings.Clone(id.Token), Node: strings.Clone(id.Node), Route: strings.Clone(id.Route)}
}

// Format makes and reads the ids of one cookie. Make it with [NewFormat]; it is safe for concurrent use.
type Format struct {
	signer        *signer   // nil: ids are not signed
	unsignedUntil time.Time // until when those are accepted nevertheless that are not
}

// NewFormat returns the format for the cookie of that name. The first key signs and all of them verify. Without keys ids are
// not signed. Until a moment, which may be zero, ids are accepted as well that are not signed although there are keys. The
// error joins every fault there is. The keys are copied.
func NewFormat(cookieName string, keys [][]byte, unsignedUntil time.Time) (*Format, error) {
	if len(keys) == 0 {
		return &Format{}, nil
	}
	if err := checkKeys(keys); err != nil {
		return nil, err
	}
	return &Format{signer: newSigner(cookieName, keys), unsignedUntil: unsignedUntil}, nil
}

// New returns an id that nobody can guess. node and route are valid or empty: both are our own configuration, so
// anything else is a programmer's error and panics, rather than to hand out an id that Parse will refuse. If the
// system's random source fails the program ends, as [crypto/rand.Read] promises: no id is better than a weak one.
func (f *Format) New(node, route string) ID {
	if node != "" && !ValidNode(node) || route != "" && !ValidRoute(route) {
		panic("sid: New with a bad node or route; check them with ValidNode and ValidRoute first")
	}
	var random [randomSize]byte
	rand.Read(random[:])
	return ID{Token: encode(random[:]), Node: node, Route: route}
}

// Spell returns the id as it stands in a cookie, signed by the first key if there is one. The zero ID is empty.
func (f *Format) Spell(id ID) string {
	if id.IsZero() {
		return ""
	}
	var room [MaxLength]byte
	text := append(room[:0], id.Token...)
	if f.signer != nil {
		text = f.signer.appendTag(text, id.Token)
	}
	if id.Node != "" {
		text = append(append(text, '-'), id.Node...)
	}
	if id.Route != "" {
		text = append(append(text, '.'), id.Route...)
	}
	return string(text)
}

// Parse reads an id that a client sent. It is false for everything that New could not have made: malformed, too long,
// unsigned although there are keys, or signed by somebody else. Without keys a tag is not looked at, for an id without
// one is as good. A node that is not configured is no fault here; the cluster decides.
//
// outdated: the client should get the id as Spell writes it, for it is not signed, or by another key than the first.
//
// Parse does not allocate: the parts are pieces of s, so who keeps them longer than the request copies them with
// [ID.Clone], or keeps the whole Cookie header alive.
func (f *Format) Parse(s string) (id ID, outdated, ok bool) {
	if len(s) > MaxLength {
		return ID{}, false, false
	}
	id, tag, ok := split(s)
	if !ok {
		return ID{}, false, false
	}
	if outdated, ok = f.verify(id.Token, tag); !ok { // the costly check comes last
		return ID{}, false, false
	}
	return id, outdated, true
}

func (f *Format) verify(token, tag string) (outdated, ok bool) {
	if tag != "" && f.signer != nil {
		return f.signer.verify(token, tag)
	}
	var random [randomSize]byte
	if !decode(random[:], token) {
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
