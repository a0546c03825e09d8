package node

import (
	"context"
	"encoding/binary"
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

// OutOfUse reports whether another node was in use long after this one. Then what this one has may be stale, and
// perhaps no instance is left that remembers: the node was out of the list, or out of reach, while all instances were
// restarted.
func (n *Node) OutOfUse() bool { return n.options.Servers.usedAfter(n) }

// missedUse is OutOfUse for a node that this process has never used (rule N15). What it missed later, this process
// knows.
func (n *Node) missedUse() bool { return n.Epoch() == 0 && n.OutOfUse() }

// readMark removes the mark from what a probe has read, stores its times, and returns it.
func (n *Node) readMark(also map[string]memcache.Item) memcache.Item {
	mark := also[n.options.UseKey]
	delete(also, n.options.UseKey)
	var used, began int64
	if mark.Token != 0 {
		var ok bool
		if used, began, ok = parseMark(mark.Value); !ok { // damaged on its way, or of another version
			return mark
		}
	}
	n.used.Store(used)
	n.began.Store(began)
	return mark
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

// Since returns when the server came into use, to the microsecond; zero: unknown. This time tells a server from another
// one under the same id.
func (n *Node) Since() time.Time {
	if at := n.began.Load(); at != 0 {
		return time.UnixMicro(at)
	}
	return time.Time{}
}

// markUse stores when the node came into use. Later it stores, every 15 seconds, that the node is in use, but not
// before it has been available for as long: until then this process compares all nodes as they were when it began. If a
// write fails, a later probe or another instance repeats it.
func (n *Node) markUse(ctx context.Context, mark memcache.Item) {
	s, now, began := n.state.Load(), time.Now(), n.began.Load()
	switch {
	case n.options.UseKey == "":
	case mark.Token == 0:
		next := memcache.Item{Value: formatMark(0, now.UnixMicro())}
		if n.options.Prober.Add(ctx, n.options.UseKey, next, 0) == nil {
			n.began.Store(now.UnixMicro())
		}
	case began == 0: // the mark could not be read yet
	case s.available && now.Sub(s.since) >= useEvery && now.Unix()-n.used.Load() >= int64(useEvery/time.Second):
		next := memcache.Item{Value: formatMark(now.Unix(), began), Token: mark.Token}
		_ = n.options.Prober.CompareAndSwap(ctx, n.options.UseKey, next, 0)
	}
}

// usedAfter reports whether one of the other nodes was in use long after n.
func (s *Servers) usedAfter(n *Node) bool {
	used := n.used.Load()
	if s == nil || used == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.list {
		if other.used.Load()-used > int64(outOfUse/time.Second) {
			return true
		}
	}
	return false
}
