package msmgorilla

import (
	"crypto/hmac"
	"crypto/sha256"
	"slices"
)

// sealer authenticates the values that lie on the nodes, so that whoever can write there cannot have gob decode what they
// like: a few bytes make it allocate a gigabyte, and the next step ends the process.
type sealer struct {
	keys [][]byte // those that authenticate ids in cookies; the first one seals, all of them open
}

func newSealer(keyPairs [][]byte) sealer {
	var s sealer
	for i := 0; i < len(keyPairs); i += 2 {
		if key := keyPairs[i]; len(key) > 0 { // securecookie has no use for an empty one either
			s.keys = append(s.keys, slices.Clone(key))
		}
	}
	return s
}

// seal returns the values with a tag in front. It binds them to their session.
func (s sealer) seal(name, id string, values []byte) []byte {
	return append(tag(s.keysFor(id)[0], name, id, values), values...)
}

// open returns what was sealed. It is false for anything else.
func (s sealer) open(name, id string, sealed []byte) (values []byte, ok bool) {
	if len(sealed) < sha256.Size {
		return nil, false
	}
	values = sealed[sha256.Size:]
	for _, key := range s.keysFor(id) {
		ok = hmac.Equal(tag(key, name, id, values), sealed[:sha256.Size]) || ok
	}
	return values, ok
}

// keysFor returns the keys for a session. Without keys it is the id, which is as secret, but not from its own visitor.
func (s sealer) keysFor(id string) [][]byte {
	if len(s.keys) == 0 {
		return [][]byte{[]byte(id)}
	}
	return s.keys
}

// tag returns an HMAC-SHA-256. What it is made of begins unlike anything that securecookie authenticates by the same key.
func tag(key []byte, name, id string, values []byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range []string{"msmgorilla: values", name, id} {
		mac.Write([]byte(part))
		mac.Write([]byte{0}) // which neither a cookie's name nor an id has
	}
	mac.Write(values)
	return mac.Sum(nil)
}
