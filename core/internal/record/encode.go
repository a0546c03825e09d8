package record

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
	"github.com/gomsm/msm/core/internal/seal"
)

// Append appends the encoded record to b and returns the result, like the built-in append. It never fails: a record
// that exceeds the limits, or has unsorted attributes, is encoded too, but Decode refuses it.
func (r *Record) Append(b []byte) []byte { return r.encode(b, nil) }

// encode appends the record, sealed by s; nil: as it is.
func (r *Record) encode(b []byte, s *seal.Session) []byte {
	start := len(b)
	switch {
	case r.closed != nil:
		b = r.appendHead(slices.Grow(b, r.Size()), flagSealed, r.closed.key, r.closed.ends)
		b = append(b, r.closed.body...)
	case s != nil:
		end, _ := r.End(r.LastAccess)
		b = r.appendHead(slices.Grow(b, r.SealedSize()), flagSealed, s.KeyID(), end)
		b = r.appendSealedBody(b, s)
	default:
		b = r.appendHead(slices.Grow(b, r.Size()), r.bodyFlags(), 0, time.Time{})
		b = r.appendBody(b)
	}
	return checksum.AppendFrom(b, start)
}

// appendHead appends all that lies before the body, with those flags about the body. ends is when a sealed session ends.
func (r *Record) appendHead(b []byte, body, keyID byte, ends time.Time) []byte {
	b = append(b, FormatVersion, body|r.flags(), keyID)
	return appendPart(b, func(b []byte) []byte {
		b = r.appendPlacement(b)
		if keyID != 0 {
			b = appendTime(b, ends)
		}
		return b
	})
}

// bodyFlags returns the flags that describe a body.
func (r *Record) bodyFlags() (flags byte) {
	if r.hasCookie() {
		flags |= flagCookie
	}
	if r.hasLogin() {
		flags |= flagLogin
	}
	return flags
}

// flags returns the flags that describe all else.
func (r *Record) flags() (flags byte) {
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
	if r.hasLogin() {
		b = r.appendLogin(b)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Attributes)))
	for _, a := range r.Attributes {
		b = appendText(b, a.Name)
		b = binary.AppendUvarint(b, uint64(len(a.Value)))
	}
	return b
}

func (r *Record) appendLogin(b []byte) []byte {
	l := &r.Login
	b = appendText(appendTime(b, l.At), l.Principal)
	if l.Principal != "" {
		b = binary.AppendUvarint(appendText(b, l.Handle), l.Number)
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
