package record

import (
	"fmt"
	"time"
)

// reader decodes the numbers and texts of a part. It reads from a string, so that a text in it needs no allocation.
// After the first fault it returns zeros only, and end reports that fault.
type reader struct {
	rest  string
	fault string
}

func corrupt(why string) error { return fmt.Errorf("%w: %s", ErrCorrupt, why) }

func (in *reader) fail(why string) {
	if in.fault == "" {
		in.fault = why
	}
	in.rest = ""
}

// end returns the first fault as an error. Bytes that are left over are a fault too.
func (in *reader) end(part string) error {
	if in.rest != "" {
		in.fail("bytes left over")
	}
	if in.fault != "" {
		return corrupt(part + ": " + in.fault)
	}
	return nil
}

// take returns the next n bytes, or fails and returns none.
func (in *reader) take(n uint64) string {
	if n > uint64(len(in.rest)) {
		in.fail("too short")
		return ""
	}
	s := in.rest[:n]
	in.rest = in.rest[n:]
	return s
}

// uvarint reads a number. It accepts only the shortest encoding.
func (in *reader) uvarint() uint64 {
	var v uint64
	for i := range len(in.rest) {
		c := in.rest[i]
		if i > 0 && c == 0 || i == 9 && c > 1 {
			break
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			in.rest = in.rest[i+1:]
			return v
		}
	}
	in.fail("a bad number")
	return 0
}

func (in *reader) varint() int64 {
	v := in.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (in *reader) uint32() uint32 { return uint32(in.bigEndian(epochSize)) }
func (in *reader) uint64() uint64 { return in.bigEndian(stampIDSize) }

func (in *reader) bigEndian(size uint64) (v uint64) {
	for _, c := range []byte(in.take(size)) {
		v = v<<8 | uint64(c)
	}
	return v
}

func (in *reader) text() string {
	n := in.uvarint()
	if n > MaxName {
		in.fail("a name too long")
		return ""
	}
	return in.take(n)
}

// count reads the number of the items that follow, each of which has at least size bytes. The result is never larger
// than what the rest has room for, so the caller may allocate for it.
func (in *reader) count(most, size int) int {
	n := in.uvarint()
	if n > uint64(most) || n > uint64(len(in.rest)/size) {
		in.fail("a count too large")
		return 0
	}
	return int(n)
}

// time reads a time. A zero time is returned as time.Time{}, without a location.
func (in *reader) time() time.Time {
	t := time.UnixMilli(in.varint())
	if t.IsZero() {
		return time.Time{}
	}
	return t
}
