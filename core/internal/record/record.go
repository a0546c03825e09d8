// Package record is the stored bytes of a session: what a node keeps, and nothing else knows how it is written.
//
// A stored record is
//
//	format, flags, key id     1 byte each
//	placement                 4 bytes of length; term, version, home, copies, writes, requests, the route and the past if flagged
//	body                      4 bytes of length; times, transcoder, the cookie if flagged, and name and size of each attribute
//	                          then the attributes' values, in the same order
//	checksum                  4 bytes, CRC-32C over everything before it
//
// Placement comes first so that it lies outside a seal, which covers the body: an instance without the key can still
// tell which of two copies is newer, and heal one. The names lie together in front of the values, so that reading a
// record makes one string of them all.
//
// Numbers are uvarints of encoding/binary, signed ones in zigzag; stamp ids, epochs, lengths of parts and the
// checksum are big-endian. A record has one spelling: what [Decode] accepts, [Record.Append] writes again, byte for byte.
package record

import (
	"errors"
	"slices"
	"time"
)

// FormatVersion is the first byte of every record. It grows when an older reader would misunderstand the bytes. In every
// format the header and the checksum stay where they are, so that an older reader tells a newer record from a damaged one.
const FormatVersion = 1

// What a record may hold. [Decode] refuses more, so nothing that a node answers makes us allocate without bound; who
// fills a record keeps to it.
const (
	MaxStamps = 64        // of writes, and of requests
	MaxCopies = 16        // far more than anyone has backups
	MaxPast   = 16        // terms
	MaxName   = 1<<16 - 1 // bytes of an attribute's name, a node's id or the transcoder's name
)

// What [Decode] answers beside a record. Test with [errors.Is]; ErrCorrupt comes wrapped with what was wrong.
var (
	// ErrFormat: written by a newer version. The stored value is good, only not for us: keep it.
	ErrFormat = errors.New("record: unknown format, written by a newer version; the stored value is kept")
	// ErrCorrupt: not the bytes that were written. Nothing in it is to be believed.
	ErrCorrupt = errors.New("record: corrupt")
	// ErrSealed: the body is sealed. The record that comes with it holds flags and placement, and only changes of
	// those are written when it is appended again; times and attributes are zero and say nothing.
	ErrSealed = errors.New("record: sealed")
)

// Record is one session as it is stored. Reading one from several goroutines at once is safe, changing it is not.
// Bytes of values are never changed, by nobody: records share them with each other and with what they were read from.
type Record struct {
	Tombstone bool // the session was destroyed
	Unsettled bool // a claim whose second half may be missing

	// KeyID names the key that sealed the body; 0: not sealed. Decode sets it. Setting it seals nothing.
	KeyID uint8

	Term    uint64 // grows with every change of where the copies lie
	Version uint64 // grows with every write
	Home    string // the primary's node id
	Copies  []Copy // who held the record when it was written, at most MaxCopies
	Route   string // the sticky instance that serves the session from its memory; empty: none does

	Writes   []Stamp // the last writes, oldest first; see AddWrite
	Requests []Stamp // the last requests that changed it, oldest first; see AddRequest

	Past     []Rank    // the last record of each of the last terms, oldest first; see EndTerm
	OldUntil time.Time // when the last older copy has ended by itself, if that is later than this one ends; else zero

	Created     time.Time     // stored to the millisecond, like the other times
	LastAccess  time.Time     // recorded only every twentieth of the idle timeout
	IdleTimeout time.Duration // 0: none
	Deadline    time.Time     // zero: none

	Persist  time.Duration // how long the client keeps its cookie; 0: as configured; negative: as long as the browser runs
	CookieAt time.Time     // when the client got the cookie that it has, where that matters; zero: nobody knows

	Transcoder string      // the name of what encoded the values
	Attributes []Attribute // sorted by name, names unique; Set and Delete keep it so

	sealed     []byte // the body as it was read, if KeyID is not 0; written again as it is
	sealedFlag byte   // of the flags, what they say of that body
}

// Copy says that a node held the record, and in which of the node's epochs.
type Copy struct {
	Node  string
	Epoch uint32
}

// Attribute is one named value of a session, encoded by the record's transcoder.
type Attribute struct {
	Name  string
	Value []byte
}

// Clone returns a copy whose slices can be changed without changing r. The bytes of the values are shared.
func (r *Record) Clone() *Record {
	c := *r
	c.Copies = slices.Clone(r.Copies)
	c.Writes = slices.Clone(r.Writes)
	c.Requests = slices.Clone(r.Requests)
	c.Past = slices.Clone(r.Past)
	c.Attributes = slices.Clone(r.Attributes)
	return &c
}

// Draft returns a copy whose attributes can be changed without changing r. The rest is shared, and must not be.
func (r *Record) Draft() *Record {
	c := *r
	c.Attributes = slices.Clone(r.Attributes)
	return &c
}

// TakeValues makes all that a handler can set the same as in the other record, which it shares from then on.
func (r *Record) TakeValues(from *Record) {
	r.Attributes, r.IdleTimeout, r.Persist = from.Attributes, from.IdleTimeout, from.Persist
}

// Copy returns the epoch in which node held the record, if it did.
func (r *Record) Copy(node string) (epoch uint32, ok bool) {
	for _, c := range r.Copies {
		if c.Node == node {
			return c.Epoch, true
		}
	}
	return 0, false
}
