// Package sid is the only place that knows what a session id looks like: <token>-<node>.<route>.
//
// The token is the secret: random bytes and, with signing keys, a tag that proves that we made them. The node says
// where the record lies and the route which app instance serves it, so both may change while the token stays. It is
// the format of memcached-session-manager, and balancers that route by the part after the dot understand it.
//
// An id has exactly one spelling: what [Format.Parse] accepts is what [ID.String] writes, byte for byte.
package sid

import (
	"crypto/rand"
	"strings"
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
	Token string // the secret; names the record, never changes while the session keeps its id
	Node  string // the node of the primary; empty with a single node without an id
	Route string // the app instance; empty without routes
}

// String returns the id as it stands in a cookie.
func (id ID) String() string {
	switch {
	case id.Node == "" && id.Route == "":
		return id.Token
	case id.Route == "":
		return id.Token + "-" + id.Node
	case id.Node == "":
		return id.Token + "." + id.Route
	}
	return id.Token + "-" + id.Node + "." + id.Route
}

// IsZero reports whether there is no id.
func (id ID) IsZero() bool { return id == ID{} }

// Clone returns the id in memory of its own: one from Parse is a piece of a request's header, which must not be kept for it.
func (id ID) Clone() ID {
	return ID{Token: strings.Clone(id.Token), Node: strings.Clone(id.Node), Route: strings.Clone(id.Route)}
}

// Format makes and reads the ids of one cookie. Make it with [NewFormat]; it is safe for concurrent use.
type Format struct {
	signer *signer // nil: ids are not signed
}

// NewFormat returns the format for the cookie of that name. The first key signs and all of them verify, so a new key
// is put in front and an old one removed when its ids have expired. Without keys ids are not signed. The error joins
// every fault there is. The keys are copied.
func NewFormat(cookieName string, keys [][]byte) (*Format, error) {
	if len(keys) == 0 {
		return &Format{}, nil
	}
	if err := checkKeys(keys); err != nil {
		return nil, err
	}
	return &Format{signer: newSigner(cookieName, keys)}, nil
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
	if f.signer != nil {
		return ID{Token: f.signer.sign(random), Node: node, Route: route}
	}
	return ID{Token: encode(random[:]), Node: node, Route: route}
}

// Parse reads an id that a client sent. It is false for everything that New could not have made: malformed, too long,
// unsigned although there are keys, signed although there are none, or signed by somebody else. A node that is not
// configured is no fault here; the cluster decides. Parse does not allocate: the parts are pieces of s, so who keeps
// them longer than the request copies them with [strings.Clone], or keeps the whole Cookie header alive.
func (f *Format) Parse(s string) (ID, bool) {
	if len(s) > MaxLength {
		return ID{}, false
	}
	id, ok := split(s, f.tokenLength())
	if !ok || !f.verify(id.Token) { // the costly check comes last
		return ID{}, false
	}
	return id, true
}

func (f *Format) tokenLength() int {
	if f.signer != nil {
		return signedLength
	}
	return randomLength
}

func (f *Format) verify(token string) bool {
	if f.signer != nil {
		return f.signer.verify(token)
	}
	var random [randomSize]byte
	return decode(random[:], token)
}
