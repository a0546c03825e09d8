package record

import (
	"encoding/binary"
	"slices"

	"github.com/gomsm/msm/core/internal/checksum"
)

// Append appends the encoded record to b and returns the result, like the built-in append. It never fails: a record
// that exceeds the limits, or has unsorted attributes, is encoded too, but Decode refuses it.
func (r *Record) Append(b []byte) []byte {
	b = slices.Grow(b, r.Size())
	start := len(b)
	b = append(b, FormatVersion, r.flags(), r.keyID())
	b = appendPart(b, r.appendPlacement)
	if r.isSealed() {
		b = append(b, r.sealed...)
	} else {
		b = r.appendBody(b)
	}
	return checksum.AppendFrom(b, start)
}

func (r *Record) keyID() byte {
	if r.isSealed() {
		return r.KeyID
	}
	return 0
}

func (r *Record) flags() (flags byte) {
	if r.isSealed() {
		flags |= flagSealed | r.sealedFlag
	} else if r.hasCookie() {
		flags |= flagCookie
	}
	if r.Tombstone {
		flags |= flagTombstone
	}
	if r.Unsettled {
		flags |= flagUnsettled
	}
	if r.Route != "" {
		flags |= flagRoute
	}
	if r.hasPast() {
		flags |= flagPast
	}
	return flags
}

// appendPart appends a part with its length in front. The length is filled in when the part is complete.
func appendPart(b []byte, part func([]byte) []byte) []byte {
	at := len(b)
	b = part(append(b, make([]byte, lengthSize)...))
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-lengthSize))
	return b
}

func (r *Record) appendPlacement(b []byte) []byte {
	b = binary.AppendUvarint(b, r.Term)
	b = binary.AppendUvarint(b, r.Version)
	b = appendText(b, r.Home)
	b = binary.AppendUvarint(b, uint64(len(r.Copies)))
	for _, c := range r.Copies {
		b = appendText(b, c.Node)
		b = binary.BigEndian.AppendUint32(b, c.Epoch)
	}
	b = appendStamps(b, r.Writes)
	b = appendStamps(b, r.Requests)
	if r.Route != "" {
		b = appendText(b, r.Route)
	}
	if r.hasPast() {
		b = r.appendPast(b)
	}
	return b
}

// appendBody appends the body: the part that a seal covers.
func (r *Record) appendBody(b []byte) []byte {
	b = appendPart(b, r.appendNames)
	for _, a := range r.Attributes {
		b = append(b, a.Value...)
	}
	return b
}

// appendNames appends the body without the values of the attributes.
func (r *Record) appendNames(b []byte) []byte {
	b = appendTime(b, r.Created)
	b = appendTime(b, r.LastAccess)
	b = binary.AppendUvarint(b, uint64(r.IdleTimeout))
	b = appendTime(b, r.Deadline)
	b = appendText(b, r.Transcoder)
	if r.hasCookie() {
		b = binary.AppendVarint(b, int64(r.Persist))
		b = appendTime(b, r.CookieAt)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Attributes)))
	for _, a := range r.Attributes {
		b = appendText(b, a.Name)
		b = binary.AppendUvarint(b, uint64(len(a.Value)))
	}
	return b
}

// appendStamps writes each id in full, since ids are random, and each time as the seconds since the stamp before, which
// is mostly one byte.
func appendStamps(b []byte, stamps []Stamp) []byte {
	b = binary.AppendUvarint(b, uint64(len(stamps)))
	before := int64(0)
	for _, s := range stamps {
		b = binary.BigEndian.AppendUint64(b, s.ID)
		b = binary.AppendVarint(b, s.At.Unix()-before)
		before = s.At.Unix()
	}
	return b
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// appendTime writes milliseconds since 1970. The zero time has a value there too, so it needs no special case.
