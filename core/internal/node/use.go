package node

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
)

const (
	// useEvery is how often a node that is in use is marked, by one instance for all.
	useEvery = 15 * time.Second
	// outOfUse is how much older than another node's the mark is of a node that was out of use: clocks may differ by half a minute.
	outOfUse = 2 * time.Minute
)

// OutOfUse reports whether other nodes were in use long after this one. So what it has may be stale, and there may be nobody left who
// remembers: it was out of the list, or out of reach, while all instances were started anew.
func (n *Node) OutOfUse() bool { return n.options.Servers.usedAfter(n) }

// missedUse is the same of a node that this process has never used; what it missed since, this process knows.
func (n *Node) missedUse() bool { return n.Epoch() == 0 && n.OutOfUse() }

// readMark takes the mark out of what a probe has read.
func (n *Node) readMark(also map[string]Item) Item {
	mark := also[n.options.UseKey]
	delete(also, n.options.UseKey)
	var used, began int64
	if mark.Token != 0 {
		var ok bool
		if used, began, ok = parseMark(mark.Value); !ok { // it was damaged on its way, or is of another version
			return mark
		}
	}
	n.used.Store(used)
	n.began.Store(began)
	return mark
}

const markLength = 8 + 8 + checksum.Size

// formatMark says when a server was in use last, in seconds, and when it came into use, in microseconds. What is misread here
// would make it another server, so there is a checksum.
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

// Since is when the server came into use, to the microsecond; zero: it is not known. So a server can be told from another one.
func (n *Node) Since() time.Time {
	if at := n.began.Load(); at != 0 {
		return time.UnixMicro(at)
	}
	return time.Time{}
}

// markUse notes when the node came into use, and that it is, once it has been for a while: until then all nodes are compared as
// they were when this process began. If it fails another probe will do it, or another instance.
func (n *Node) markUse(ctx context.Context, mark Item) {
	s, now, began := n.state.Load(), time.Now(), n.began.Load()
	switch {
	case n.options.UseKey == "":
	case mark.Token == 0:
		next := Item{Value: formatMark(0, now.UnixMicro())}
		if n.options.Prober.Add(ctx, n.options.UseKey, next, 0) == nil {
			n.began.Store(now.UnixMicro())
		}
	case began == 0: // not read yet
	case s.available && now.Sub(s.since) >= useEvery && now.Unix()-n.used.Load() >= int64(useEvery/time.Second):
		next := Item{Value: formatMark(now.Unix(), began), Token: mark.Token}
		_ = n.options.Prober.CompareAndSwap(ctx, n.options.UseKey, next, 0)
	}
}

// usedAfter reports whether one of the others was in use long after a node.
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
