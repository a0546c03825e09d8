// Package record encodes and decodes the stored bytes of a session: what a node keeps under the session's key. No other
// package knows the format. record.go has the Record and attributes.go its attributes; encode.go, decode.go, reader.go
// and size.go have the format. expiry.go says when a session ends, stamps.go which writes and requests a record
// remembers, and peek.go and past.go which of two records is newer.
//
// Two words of this code: a session's home is its primary node, and a claim is a reconfiguration: a write that changes
// which nodes hold the copies, and with which a new term begins.
//
// A stored record is
//
//	format, flags, key id     1 byte each
//	placement                 4 bytes of length; term, version, home, copies, writes, requests, the route and the past if flagged,
//	                          and when the session ends if it is sealed
//	body                      4 bytes of length; times, transcoder, the cookie and the login if flagged, and name and size of each attribute
//	                          then the attributes' values, in the same order
//	checksum                  4 bytes, CRC-32C over everything before it
//
// The placement comes first and lies outside the seal (see seal.go), which covers the body: an instance without the key
// can still tell which of two copies is newer, and repair a missing one. The names lie together in front of the values,
// so that decoding makes a single string of them all.
//
// Numbers are uvarints of encoding/binary, signed ones in zigzag encoding. Stamp ids, epochs, lengths of parts and the
// checksum are big-endian. A record has exactly one encoding: what [Decode] accepts, [Record.Append] writes again, byte
// for byte.
package record

import (
	"errors"
	"slices"
	"time"
)

// FormatVersion is the first byte of every record. It is increased when an older reader would misunderstand the bytes.
// The header and the checksum have the same place in every format, so that an older reader can tell a newer record from
// a corrupt one.
const FormatVersion = 1

// Limits of a record. [Decode] refuses a record that exceeds them, so that no answer of a node makes it allocate
// without bound. A caller that fills a record has to observe them.
const (
	MaxStamps = 64        // stamps in Writes, and in Requests
	MaxCopies = 16        // far more than anyone configures backups
	MaxPast   = 16        // ranks of earlier terms
	MaxName   = 1<<16 - 1 // bytes of an attribute's name, a node's id or the transcoder's name

	MaxAttributes = 40_000
)

// The errors of [Decode]. Test for them with [errors.Is]; they may be wrapped with the details.
var (
	// ErrFormat means that a newer version wrote the record. The stored value is good and must be kept.
	ErrFormat = errors.New("record: unknown format, written by a newer version; the stored value is kept")
	// ErrCorrupt means that these are not the bytes that were written. Nothing in them can be trusted.
	ErrCorrupt = errors.New("record: corrupt")
	// ErrSealed means that the body is sealed. The record that comes with it is closed; see [Record.Open].
	ErrSealed = errors.New("record: sealed")
)

// Record is one session as it is stored. It may be read from several goroutines at once, but not changed. The bytes of
// values are never changed at all: records share them with each other and with the bytes that they were decoded from.
type Record struct {
	Tombstone bool // the session was destroyed; such a record is called a tombstone
	Unsettled bool // provisional: a claim (reconfiguration) whose second half may be missing

	Term    uint64 // grows with every claim
	Version uint64 // grows with every write
	Home    string // the primary's node id; empty for a single node without id
	Copies  []Copy // the nodes that held the record when it was written, at most MaxCopies
	Route   string // the sticky instance that serves the session from its memory; empty: none does

	Writes   []Stamp // ids of the last writes, oldest first; see AddWrite
	Requests []Stamp // ids of the last requests that changed it, oldest first; see AddRequest

	Past     []Rank    // ranks of the last record of each of the last terms, oldest first; see EndTerm
	OldUntil time.Time // when the last older copy ends by itself, if this record ends earlier; otherwise zero; see Outlasts

	Created     time.Time     // all times in the body are stored to the millisecond
	LastAccess  time.Time     // updated only every twentieth of the idle timeout
	IdleTimeout time.Duration // 0: none
	Deadline    time.Time     // zero: none

	Persist  time.Duration // how long the client keeps its cookie; 0: as configured; negative: until the browser is closed
	CookieAt time.Time     // when the client got its present cookie, where that matters; zero: unknown

	Login Login

	Transcoder string      // the name of the transcoder that encoded the values
	Attributes []Attribute // sorted by name, each name once; Set and Delete keep it so

	closed *closed // the body that cannot be read; nil: it can
}

// closed is a sealed body as it was read. It is written again unchanged: so an instance without the key repairs copies.
type closed struct {
	key  uint8
	body []byte
	ends time.Time // what End would return; zero: never
}

// Closed reports whether the body is sealed, and was not opened. Then the record holds flags and placement only; if it is
// appended again, only changes of those are written. Its times and attributes are zero and mean nothing, but End, Expired
// and TTL are right.
func (r *Record) Closed() bool { return r.closed != nil }

// Strip gives a closed record an empty body that can be read.
func (r *Record) Strip() { r.closed = nil }

// Copy names a node that held the record, and the node's epoch at that time.
type Copy struct {
	Node  string
	Epoch uint32
}

// Stamp is the random id of a write or of a request, and the time at which it happened, to the second. The ID is never
// 0.
type Stamp struct {
	ID uint64
	At time.Time
}

// Attribute is one named value of a session, encoded by the record's transcoder.
type Attribute struct {
	Name  string
	Value []byte
}

// Login is what a record knows of the session's last login.
type Login struct {
	At        time.Time // when it gave the session its id; zero: the session began without one
	Principal string    // who has logged in; empty: the application has not said
	Handle    string    // the session's name in the list of the principal's sessions; with a Principal only, never empty then
	Number    uint64    // of the login, among those of the principal; with a Principal only
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

// Draft returns a copy whose attributes can be changed without changing r. It shares everything else with r, which must
// not be changed.
func (r *Record) Draft() *Record {
	c := *r
	c.Attributes = slices.Clone(r.Attributes)
	return &c
}

// TakeValues copies from another record all that a handler can set: the attributes, the idle timeout and how long the
// cookie is kept. The attributes are shared from then on.
func (r *Record) TakeValues(from *Record) {
	r.Attributes, r.IdleTimeout, r.Persist = from.Attributes, from.IdleTimeout, from.Persist
}

// Copy returns the epoch in which the node held the record. If ok is false it did not hold it.
func (r *Record) Copy(node string) (epoch uint32, ok bool) {
	for _, c := range r.Copies {
		if c.Node == node {
			return c.Epoch, true
		}
	}
	return 0, false
}
