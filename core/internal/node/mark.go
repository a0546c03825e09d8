package node

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
	"github.com/gomsm/msm/core/internal/memcache"
)

const (
	// useEvery is how often a node in use gets a mark, a stored time, from one of the instances.
	useEvery = 15 * time.Second
	// outOfUse is how much older a node's mark is than another node's if it was out of use. Clocks may differ by half a
	// minute.
	outOfUse = 2 * time.Minute
)

// mark is what a server's mark of use says, as last read from it.
type mark struct {
	used  atomic.Int64 // Unix time when the server was last in use; 0: unknown
	began atomic.Int64 // Unix time in microseconds when it came into use; 0: unknown
}

// take stores the times of a mark that a probe has read.
func (m *mark) take(read memcache.Item) {
	var used, began int64
	if read.Token != 0 {
		var ok bool
		if used, began, ok = parseMark(read.Value); !ok { // damaged on its way, or of another version
			return
		}
	}
	m.used.Store(used)
	m.began.Store(began)
}

// since returns when the server came into use; zero: unknown.
func (m *mark) since() time.Time {
	if at := m.began.Load(); at != 0 {
		return time.UnixMicro(at)
	}
	return time.Time{}
}

// longBefore reports whether the other server was in use long after this one.
func (m *mark) longBefore(other *mark) bool {
	used := m.used.Load()
	return used != 0 && other.used.Load()-used > int64(outOfUse/time.Second)
}

// due reports whether the mark has to be renewed.
func (m *mark) due(now time.Time) bool {
	return now.Unix()-m.used.Load() >= int64(useEvery/time.Second)
}

const markLength = 8 + 8 + checksum.Size

// formatMark returns the stored form of a mark: when the server was last in use, in Unix seconds, and when it came into
// use, in Unix microseconds. It has a checksum, since a misread time would make it another server.
func formatMark(used, began int64) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, markLength), uint64(used))
	b = binary.BigEndian.AppendUint64(b, uint64(began))
	return checksum.Append(b)
}

func parseMark(b []byte) (used, began int64, ok bool) {
	content, ok := checksum.Cut(b)
	if len(b) != markLength || !ok {
		return 0, 0, false
	}
	return int64(binary.BigEndian.Uint64(content)), int64(binary.BigEndian.Uint64(content[8:])), true
}
