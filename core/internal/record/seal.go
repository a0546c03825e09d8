package record

import (
	"errors"

	"github.com/gomsm/msm/core/internal/seal"
)

// Open opens the body of a closed record; any other record stays as it is. The error is [ErrCorrupt] if the body is not
// what was sealed for this session, and [ErrSealed] if its key is not known. The record is closed then.
func (r *Record) Open(s *seal.Session) error {
	if r.closed == nil {
		return nil
	}
	body, err := s.Open(r.closed.key, r.closed.body)
	switch {
	case errors.Is(err, seal.ErrNoKey):
		return ErrSealed
	case err != nil:
		return corrupt(err.Error())
	}
	open := *r
	open.closed = nil
	if err := open.readSealedBody(body); err != nil {
		return err
	}
	*r = open
	return nil
}

// AppendSealed is Append for a record that is to be sealed, and is not closed.
func (r *Record) AppendSealed(b []byte, s *seal.Session) []byte {
	return r.encode(b, s)
}

// appendSealedBody appends the body under a seal. What the flags say of a body that is not sealed stands in its first byte,
// because the seal does not cover the flags.
func (r *Record) appendSealedBody(b []byte, s *seal.Session) []byte {
	first := len(b)
	return s.Seal(r.appendBody(append(b, r.bodyFlags())), first)
}

func (r *Record) readSealedBody(b []byte) error {
	if len(b) == 0 || b[0]&^bodyFlags != 0 {
		return corrupt("unknown flags under the seal")
	}
	names, values, ok := cutPart(b[1:])
	if !ok {
		return corrupt("wrong length of the body")
	}
	return r.readBody(string(names), values, b[0])
}

// SealedSize returns how many bytes AppendSealed adds.
func (r *Record) SealedSize() int {
	end, _ := r.End(r.LastAccess)
	return r.Size() + 1 + timeSize(end) + seal.Overhead
}
