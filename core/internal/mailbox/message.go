package mailbox

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
	"github.com/gomsm/msm/core/internal/seal"
	"github.com/gomsm/msm/core/internal/sid"
)

// Kind says what a message is about.
type Kind byte

// The kinds of messages.
const (
	// Ended says that the session was destroyed. An old cookie may still find a copy of it on a node that the sender
	// did not reach, or in the memory of a sticky instance that did not reach the other nodes.
	Ended Kind = 1 + iota
	// End says that the sender was to destroy the session, and has not found it, for example because its list of nodes
	// is different. Whoever finds the session destroys it.
	End
	// Taken says that another instance has taken over the session, which the reader has served. What the reader holds
	// of it is older than the version.
	Taken
	// Changed says that another instance has changed the session, up to the version. The reader still serves it.
	Changed
	// Reaches says which server the sender reaches under a node's id; see Reached. It is not about a session.
	Reaches
	// Owes says that the sender knows what a node has missed, and has not brought it yet; see Debt. It is not about a
	// session.
	Owes
	// Paid says that the node has it by now; see Debt.
	Paid
	// Missed says that there were more messages for the reader than the sender could send, about any session. Version
	// tells one from another.
	Missed
)

// Message is what one instance tells others. In messages that are not about a session, the field Session carries
// something else. At is when the message was posted, to the second.
type Message struct {
	Kind    Kind
	Session sid.Hash
	Version uint64
	At      time.Time
}

// Ends reports whether the message says that its session has ended or is to end.
func (m Message) Ends() bool { return m.Kind == Ended || m.Kind == End }

const (
	// textSize is the length of what a message says, in bytes.
	textSize = 1 + len(sid.Hash{}) + 8 + 4
	// size is the length of a stored message.
	size = textSize + seal.TagSize + checksum.Size
)

// encoded is a message as it is stored, with a tag (zero: none) and a checksum. Its bytes tell whether a message was
// received before.
type encoded [size]byte

func (m Message) encode(tag func(text []byte) seal.Tag) (e encoded) {
	b := append(e[:0], byte(m.Kind))
	b = append(b, m.Session[:]...)
	b = binary.BigEndian.AppendUint64(b, m.Version)
	b = binary.BigEndian.AppendUint32(b, uint32(m.At.Unix()))
	t := tag(b)
	checksum.Append(append(b, t[:]...))
	return e
}

// text returns what the message says, and its tag.
func (e *encoded) text() ([]byte, seal.Tag) {
	return e[:textSize], seal.Tag(e[textSize : textSize+seal.TagSize])
}

func (e encoded) message() Message {
	rest := e[1+len(sid.Hash{}):]
	return Message{
		Kind: Kind(e[0]), Session: sid.Hash(e[1 : 1+len(sid.Hash{})]),
		Version: binary.BigEndian.Uint64(rest), At: time.Unix(int64(binary.BigEndian.Uint32(rest[8:])), 0),
	}
}

// parse returns the messages in a mailbox. It leaves out what is no message; whole is true if there was nothing of that
// kind.
func parse(value []byte) (list []encoded, whole bool) {
	whole = true
	for b := range slices.Chunk(value, size) {
		if _, ok := checksum.Cut(b); !ok || len(b) != size {
			whole = false
			continue
		}
		list = append(list, encoded(b))
	}
	return list, whole
}

// join returns the value of a mailbox with those messages, and room for one more.
func join(list []encoded) []byte {
	value := make([]byte, 0, (len(list)+1)*size)
	for _, m := range list {
		value = append(value, m[:]...)
	}
	return value
}
