package record

import (
	"math/bits"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
)

// Size returns how many bytes Append adds.
func (r *Record) Size() int {
	size := headerSize + lengthSize + r.placementSize() + checksum.Size
	if r.closed != nil {
		return size + timeSize(r.closed.ends) + len(r.closed.body)
	}
	return size + lengthSize + r.bodySize()
}

func (r *Record) placementSize() int {
	size := uvarintSize(r.Term) + uvarintSize(r.Version) + textSize(r.Home) + countSize(len(r.Copies))
	for _, c := range r.Copies {
		size += textSize(c.Node) + epochSize
	}
	if r.Route != "" {
		size += textSize(r.Route)
	}
	if r.hasPast() {
		size += timeSize(r.OldUntil) + countSize(len(r.Past))
		for _, p := range r.Past {
			size += uvarintSize(p.Term) + uvarintSize(p.Version) + stampIDSize
		}
	}
	return size + stampsSize(r.Writes) + stampsSize(r.Requests)
}

func (r *Record) bodySize() int {
	size := timeSize(r.Created) + timeSize(r.LastAccess) + uvarintSize(uint64(r.IdleTimeout)) + timeSize(r.Deadline) +
		textSize(r.Transcoder) + countSize(len(r.Attributes))
	if r.hasCookie() {
		size += varintSize(int64(r.Persist)) + timeSize(r.CookieAt)
	}
	if r.hasLogin() {
		size += r.loginSize()
	}
	for _, a := range r.Attributes {
		size += textSize(a.Name) + countSize(len(a.Value)) + len(a.Value)
	}
	return size
}

func (r *Record) loginSize() int {
	size := timeSize(r.Login.At) + textSize(r.Login.Principal)
	if r.Login.Principal != "" {
		size += textSize(r.Login.Handle) + uvarintSize(r.Login.Number)
	}
	return size
}

func stampsSize(stamps []Stamp) int {
	size := countSize(len(stamps))
	before := int64(0)
	for _, s := range stamps {
		size += stampIDSize + varintSize(s.At.Unix()-before)
		before = s.At.Unix()
	}
	return size
}

// Sizes of what the append functions of encoding/binary, and those of this package, append.

func timeSize(t time.Time) int { return varintSize(t.UnixMilli()) }
func textSize(s string) int    { return countSize(len(s)) + len(s) }
func countSize(n int) int      { return uvarintSize(uint64(n)) }
func varintSize(v int64) int   { return uvarintSize(uint64(v)<<1 ^ uint64(v>>63)) }
func uvarintSize(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }
