package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
	"github.com/gomsm/msm/core/internal/memcache"
)

// ErrGarbled means that an answer was damaged on its way: a second read gave another value. It says nothing about the
// node.
var ErrGarbled = errors.New("what it answers is damaged on its way")

// readEpoch returns the epoch in an item that was read under the epoch key, and the item. If the value is no epoch it
// is read once more: damage on the way must not look like a restart of the server (rule N10). If it is the same again,
// and so no epoch, the result is 0.
func (n *Node) readEpoch(ctx context.Context, item memcache.Item) (uint32, memcache.Item, error) {
	epoch, ok := parseEpoch(item.Value)
	if ok {
		return epoch, item, nil
	}
	again, err := n.options.Prober.Get(ctx, n.options.EpochKey)
	if err == nil && !bytes.Equal(again.Value, item.Value) {
		err = ErrGarbled
	}
	return 0, again, err
}

// formatEpoch returns the stored form of an epoch: 8 hexadecimal digits and their checksum.
func formatEpoch(e uint32) []byte { return []byte(checksum.Text(fmt.Sprintf("%08x", e))) }

// parseEpoch reads the stored form of an epoch. If ok is false it is none.
func parseEpoch(b []byte) (e uint32, ok bool) {
	digits, ok := checksum.CutText(string(b))
	if !ok || len(digits) != 8 {
		return 0, false
	}
	parsed, err := strconv.ParseUint(digits, 16, 32)
	return uint32(parsed), err == nil && parsed != 0
}

var errSeveral = fmt.Errorf("%w: its address leads to several servers, as that of a load balancer does, so that what one of them is "+
	"given is not found on the others; put each of them into the list, with an address and an id of its own", ErrUnfit)

const (
	pastEpochs = 16 // epochs that are remembered per node
	// mostReturns old epochs that come back within returnTime show that an address leads to several servers. A server
	// that restarts gets a new epoch, never an old one, unless its data are restored.
	mostReturns = 3
	returnTime  = time.Minute
)

// epochs are those that a node has had. If old ones come back again and again, depending on where each connection
// leads, the node's address leads to several servers.
type epochs struct {
	seen    []uint32    // the last ones, oldest first
	returns []time.Time // when an old epoch came back, since the last new one
	several bool        // the address leads to several servers
}

// becomes notes that the node's epoch has changed to the given one (rule N14). A new epoch clears the suspicion of
// several servers: one server may have taken their place.
func (e *epochs) becomes(epoch uint32) {
	switch {
	case epoch == 0: // the server has no epoch yet
	case !slices.Contains(e.seen, epoch):
		e.seen = append(e.seen[max(0, len(e.seen)-pastEpochs+1):], epoch)
		e.returns, e.several = nil, false
	default:
		now := time.Now()
		e.returns = slices.DeleteFunc(e.returns, func(t time.Time) bool { return now.Sub(t) > returnTime })
		e.returns = append(e.returns, now)
		e.several = e.several || len(e.returns) >= mostReturns
	}
}
