package record

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
)

// Decode reads a stored record. The values point into b, which must not be changed afterwards; everything else is
// copied. The error is [ErrFormat], [ErrCorrupt] or [ErrSealed]. Together with ErrSealed it returns a record that holds
// flags and placement only.
func Decode(b []byte) (*Record, error) {
	e, err := open(b)
	if err != nil {
		return nil, err
	}
	r := &Record{Tombstone: e.flags&flagTombstone != 0, Unsettled: e.flags&flagUnsettled != 0}
	text := string(e.texts) // the only string: all names in the record are pieces of it
	if e.flags&flagSealed != 0 {
		r.closed = &closed{key: e.keyID, body: e.rest}
	}
	if err := r.readPlacement(text[:e.placement], e.flags); err != nil {
		return nil, err
	}
	if r.closed != nil {
		return r, ErrSealed
	}
	if err := r.readBody(text[e.placement+lengthSize:], e.rest, e.flags); err != nil {
		return nil, err
	}
	return r, nil
}

// envelope is a record that is split into its parts, which are not decoded yet.
type envelope struct {
	flags, keyID byte
	texts        []byte // the placement and, unless the body is sealed, the length and the names of the body
	placement    int    // length of the placement within texts
	rest         []byte // the values, or the sealed body
}

// open splits a record into its parts. It verifies the checksum first, which lies at the end in every format: if the
// network or memory has changed the format byte, the record is corrupt and not of a newer version.
func open(b []byte) (envelope, error) {
	if len(b) < headerSize+checksum.Size {
		return envelope{}, corrupt("too short")
	}
	content, ok := checksum.Cut(b)
	if !ok {
		return envelope{}, corrupt("wrong checksum")
	}
	if b[0] != FormatVersion {
		return envelope{}, fmt.Errorf("%w (format %d, known is %d)", ErrFormat, b[0], FormatVersion)
	}
	e := envelope{flags: b[1], keyID: b[2]}
	if unknown := e.flags &^ knownFlags; unknown != 0 {
		return envelope{}, fmt.Errorf("%w (flags %#02x)", ErrFormat, unknown)
	}
	return e, e.split(content[headerSize:])
}

func (e *envelope) split(b []byte) error {
	isSealed := e.flags&flagSealed != 0
	switch {
	case isSealed != (e.keyID != 0):
		return corrupt("key id and seal disagree")
	case isSealed && e.flags&(bodyFlags|flagTombstone) != 0: // a tombstone has nothing to hide
		return corrupt("flags and seal disagree")
	}
	placement, rest, ok := cutPart(b)
	if !ok {
		return corrupt("wrong length of the placement")
	}
	e.placement = len(placement)
	if isSealed {
		e.texts, e.rest = placement, rest
		if len(rest) == 0 {
			return corrupt("nothing under the seal")
		}
		return nil
	}
	names, values, ok := cutPart(rest)
	if !ok {
		return corrupt("wrong length of the body")
	}
	e.texts, e.rest = b[lengthSize:lengthSize+len(placement)+lengthSize+len(names)], values
	return nil
}

// cutPart cuts a part, which has its length in front, off the beginning of b.
func cutPart(b []byte) (part, rest []byte, ok bool) {
	if len(b) < lengthSize {
		return nil, nil, false
	}
	size, b := binary.BigEndian.Uint32(b), b[lengthSize:]
	if uint64(size) > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:size], b[size:], true
}

func (r *Record) readPlacement(text string, flags byte) error {
	in := reader{rest: text}
	r.Term = in.uvarint()
	r.Version = in.uvarint()
	r.Home = in.text()
	r.Copies = readCopies(&in)
	r.Writes = readStamps(&in)
	r.Requests = readStamps(&in)
	if flags&flagRoute != 0 {
		if r.Route = in.text(); r.Route == "" {
			in.fail("a route without a name")
		}
	}
	if flags&flagPast != 0 {
		r.readPast(&in)
	}
	if r.closed != nil {
		r.closed.ends = in.time()
	}
	return in.end("placement")
}

func (r *Record) readBody(names string, values []byte, flags byte) error {
	in := reader{rest: names}
	r.Created = in.time()
	r.LastAccess = in.time()
	r.IdleTimeout = time.Duration(in.uvarint())
	r.Deadline = in.time()
	r.Transcoder = in.text()
	if flags&flagCookie != 0 {
		r.Persist, r.CookieAt = time.Duration(in.varint()), in.time()
		if !r.hasCookie() {
			in.fail("a cookie of which nothing is said")
		}
	}
	if flags&flagLogin != 0 {
		r.readLogin(&in)
	}
	r.Attributes = readAttributes(&in, values)
	return in.end("body")
}

func (r *Record) readLogin(in *reader) {
	l := &r.Login
	if l.At, l.Principal = in.time(), in.text(); l.At.IsZero() {
		in.fail("a login without a time")
	}
	if l.Principal == "" {
		return
	}
	if l.Handle, l.Number = in.text(), in.uvarint(); l.Handle == "" {
		in.fail("a principal's session without a handle")
	}
}

func readCopies(in *reader) []Copy {
	n := in.count(MaxCopies, 1+epochSize)
	if n == 0 {
		return nil
	}
	copies := make([]Copy, n)
	for i := range copies {
		copies[i] = Copy{Node: in.text(), Epoch: in.uint32()}
	}
	return copies
}

// readStamps leaves room for one more stamp: a caller that reads a record in order to write it again adds one.
func readStamps(in *reader) []Stamp {
	n := in.count(MaxStamps, stampIDSize+1)
	if n == 0 {
		return nil
	}
	stamps := make([]Stamp, n, min(n+1, MaxStamps))
	seconds := int64(0)
	for i := range stamps {
		id := in.uint64()
		seconds += in.varint()
		stamps[i] = Stamp{ID: id, At: time.Unix(seconds, 0)}
		if id == 0 {
			in.fail("a stamp without an id")
		}
	}
	return stamps
}

// readAttributes assigns the values to the names in order. Each value has a limited capacity, so that an append to it
// cannot overwrite the next one.
func readAttributes(in *reader, values []byte) []Attribute {
	n := in.count(MaxAttributes, 2)
	var attributes []Attribute
	if n > 0 {
		attributes = make([]Attribute, n)
	}
	for i := range attributes {
		name, size := in.text(), in.uvarint()
		if size > uint64(len(values)) {
			in.fail("a value longer than the record")
			return nil
		}
		if i > 0 && name <= attributes[i-1].Name {
			in.fail("attributes not in order")
			return nil
		}
		attributes[i], values = Attribute{name, values[:size:size]}, values[size:]
	}
	if len(values) > 0 {
		in.fail("bytes behind the last value")
	}
	return attributes
}
