package news

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Name is a node's id in a message: the first bytes of its SHA-256.
type Name [20]byte

// NameOf is that of an id.
func NameOf(id string) (n Name) {
	h := sha256.Sum256([]byte(id))
	copy(n[:], h[:])
	return n
}

// Reached is the message that a server is reached under a node's id, which came into use at that time: no two servers did at
// the same one. It has the place of a session for what it says.
func Reached(id Name, since, at time.Time) Message {
	m := Message{Kind: Reaches, At: at}
	binary.BigEndian.AppendUint64(append(m.Session[:0], id[:]...), uint64(since.UnixMicro()))
	return m
}

// Server is what a message says that Reached has made.
func (m Message) Server() (id Name, since time.Time) {
	copy(id[:], m.Session[:])
	return id, time.UnixMicro(int64(binary.BigEndian.Uint64(m.Session[len(id):])))
}
