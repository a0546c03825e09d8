package memcache

import (
	"bytes"
	"errors"
)

const (
	// maxValue is the largest value, in bytes, that is read: twice what memcached stores by default (its -I). No
	// session and no mailbox is as large.
	maxValue = 2 << 20
	// maxReply bounds all that one command brings, in bytes. Few ask for more than one large value.
	maxReply = 2 * maxValue
	// maxValueLine bounds the line before a value, without its end: VALUE, key, flags, bytes, token.
	maxValueLine = len("VALUE ") + maxKey + len(" 4294967295 4294967295 18446744073709551615\r")
)

// errOversized means that the server announces a value that is longer than any that this library stores, or does so in
// a line that is too long, or does not come to an end.
var errOversized = errors.New("the server sends more than was ever stored")

// errSurplus means that the server goes on after the end of its answer. What it says would pass for the answer to the
// next command: gomemcache has read it already.
var errSurplus = errors.New("the server says more than it was asked")

// replies follows what a server sends. It finds a length that no value has before gomemcache allocates memory for it:
// gomemcache believes in 4 GiB, and a process ends that cannot allocate them. And it finds what follows an answer.
type replies struct {
	total int    // bytes that the present command has brought
	over  bool   // its answer is complete: values, if any, and a line that is none
	rest  int    // bytes of a value that are still to come, with the end of its line
	line  []byte // the beginning of the line that is being read, as far as it matters
}

// begin expects the answer to another command.
func (r *replies) begin() { r.total, r.over = 0, false }

// check reads the next bytes that the server has sent. After an error the connection must not be used again.
func (r *replies) check(p []byte) error {
	if r.total += len(p); r.total > maxReply {
		return errOversized
	}
	for len(p) > 0 {
		if r.over {
			return errSurplus
		}
		if r.rest > 0 {
			n := min(r.rest, len(p))
			r.rest, p = r.rest-n, p[n:]
			continue
		}
		part, after, whole := bytes.Cut(p, []byte("\n"))
		if r.line == nil {
			r.line = make([]byte, 0, maxValueLine+1)
		}
		r.line = append(r.line, part[:min(len(part), cap(r.line)-len(r.line))]...)
		size, err := valueSize(r.line)
		if err != nil || !whole {
			return err
		}
		r.rest, r.over, r.line, p = size, size == 0, r.line[:0], after
	}
	return nil
}

// valueSize returns how many bytes follow a line, or what there is of one. Most lines are followed by none.
func valueSize(line []byte) (size int, err error) {
	words, isValue := bytes.CutPrefix(line, []byte("VALUE "))
	if !isValue {
		return 0, nil
	}
	if len(line) > maxValueLine {
		return 0, errOversized
	}
	_, words, _ = bytes.Cut(words, []byte(" ")) // the key
	_, words, _ = bytes.Cut(words, []byte(" ")) // the flags
	for _, digit := range words {
		if digit < '0' || digit > '9' {
			break
		}
		if size = 10*size + int(digit-'0'); size > maxValue {
			return 0, errOversized
		}
	}
	return size + len("\r\n"), nil
}
