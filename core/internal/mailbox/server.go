package mailbox

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// NodeHash names a node in a message: the first bytes of the SHA-256 of its id.
type NodeHash [20]byte

// NodeHashOf returns the hash of a node's id.
func NodeHashOf(id string) (n NodeHash) {
	h := sha256.Sum256([]byte(id))
	copy(n[:], h[:])
	return n
}

// Reached returns the message that, under a node's id, the sender reaches the server that came into use at the time
// since. No two servers come into use at the same time, so that tells them apart. The message carries this in the place
// of a session.
func Reached(id NodeHash, since, at time.Time) Message {
	m := Message{Kind: Reaches, At: at}
	binary.BigEndian.AppendUint64(append(m.Session[:0], id[:]...), uint64(since.UnixMicro()))
	return m
}

// Server returns what is in a message that Reached has made.
func (m Message) Server() (id NodeHash, since time.Time) {
	copy(id[:], m.Session[:])
	return id, time.UnixMicro(int64(binary.BigEndian.Uint64(m.Session[len(id):])))
}
