// Package news is what instances tell each other of sessions, since no node knows of another. A message lies on a board, which
// is a value on a node, and every instance reads the boards with its probes, several times a second.
//
// Messages are appended, so that any number of instances can leave some at the same moment. Who reads a board takes off it
// what everyone has had time to read.
package news

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
	"github.com/gomsm/msm/core/internal/sid"
)

// Kind says what has become of a session.
type Kind byte

// The kinds of messages.
const (
	// Ended: it was destroyed. On nodes that the sender did not reach an old cookie may still find a copy, and so may the
	// memory of a sticky instance that did not reach the others.
	Ended Kind = 1 + iota
	// End: the sender was asked to destroy it, and has not found it, for its list of nodes is another one. Whoever finds it does so.
	End
	// Taken: the reader served it, and another instance has taken it over. What is held of it is old before the version.
	Taken
	// Changed: another instance has changed it, up to the version. The reader serves it all the same.
	Changed
	// Reaches: which server the sender reaches under a node's id, see Reached. It is about no session.
	Reaches
	// Owes: the sender knows what a node has missed, and has not brought it yet, see Debt. It is about no session.
	Owes
	// Paid: the node has it by now.
	Paid
)

// Message is one. At is when it was left, to the second.
type Message struct {
	Kind    Kind
	Session sid.Hash
	Version uint64
	At      time.Time
}

const size = 1 + len(sid.Hash{}) + 8 + 4 + checksum.Size

// spelling is a message's bytes, by which it is known again.
type spelling [size]byte

func (m Message) spell() (s spelling) {
	b := append(s[:0], byte(m.Kind))
	b = append(b, m.Session[:]...)
	b = binary.BigEndian.AppendUint64(b, m.Version)
	b = binary.BigEndian.AppendUint32(b, uint32(m.At.Unix()))
	checksum.Append(b)
	return s
}

func (s spelling) message() Message {
	rest := s[1+len(sid.Hash{}):]
	return Message{
		Kind: Kind(s[0]), Session: sid.Hash(s[1 : 1+len(sid.Hash{})]),
		Version: binary.BigEndian.Uint64(rest), At: time.Unix(int64(binary.BigEndian.Uint32(rest[8:])), 0),
	}
}

// parse leaves out what is no message, and reports whether there was nothing of that kind.
func parse(board []byte) (list []spelling, whole bool) {
	whole = true
	for b := range slices.Chunk(board, size) {
		if _, ok := checksum.Cut(b); !ok || len(b) != size {
			whole = false
			continue
		}
		list = append(list, spelling(b))
	}
	return list, whole
}
