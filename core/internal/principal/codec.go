package principal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/gomsm/msm/transcoder"
)

// Encode returns the list's bytes, and takes out sessions until these are no more than limit. That never takes out those
// that live only because they are listed.
func (l *List) Encode(limit int) ([]byte, error) {
	for {
		b, err := transcoder.CBOR().Marshal(l)
		if err != nil {
			return nil, fmt.Errorf("principal: %w", err)
		}
		if len(b) <= limit || !l.drop() {
			return b, nil
		}
	}
}

// Decode reads what Encode has written.
func Decode(b []byte) (List, error) {
	var l List
	if err := transcoder.CBOR().Unmarshal(b, &l); err != nil {
		return List{}, fmt.Errorf("principal: %w", err)
	}
	if len(l.Sessions) > Max || slices.ContainsFunc(l.Sessions, func(s Session) bool { return len(s.Key) != sha256.Size }) {
		return List{}, errors.New("principal: no list that Encode has written")
	}
	return l, nil
}
