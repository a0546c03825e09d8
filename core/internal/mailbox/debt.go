package mailbox

import (
	"encoding/binary"
	"time"
)

// Debt is what an instance owes a node: writes that the node has missed while it had that epoch.
type Debt struct {
	Debtor uint64 // random name of the instance
	Node   NodeHash
	Epoch  uint32
}

// Message returns a message about the debt. Its kind is Owes or Paid.
func (d Debt) Message(kind Kind, at time.Time) Message {
	m := Message{Kind: kind, At: at}
	b := append(m.Session[:0], d.Node[:]...)
	b = binary.BigEndian.AppendUint64(b, d.Debtor)
	binary.BigEndian.AppendUint32(b, d.Epoch)
	return m
}

// Debt returns the debt that a message of the kind Owes or Paid is about.
func (m Message) Debt() (d Debt) {
	rest := m.Session[copy(d.Node[:], m.Session[:]):]
	d.Debtor, d.Epoch = binary.BigEndian.Uint64(rest), binary.BigEndian.Uint32(rest[8:])
	return d
}
