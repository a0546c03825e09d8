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
)

// ErrGarbled is an answer that is damaged on its way: what was read is not what is read a moment later. It says nothing.
var ErrGarbled = errors.New("what it answers is damaged on its way")

// readEpoch takes the epoch out of what was read under its key, which is read once more if that is none: what was damaged on its
// way must not have a node count as one that was restarted. Where it lies something else than an epoch, it is 0.
func (n *Node) readEpoch(ctx context.Context, item Item) (uint32, Item, error) {
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

// formatEpoch is 8 hexadecimal digits, and their checksum.
func formatEpoch(e uint32) []byte { return []byte(checksum.Text(fmt.Sprintf("%08x", e))) }

// parseEpoch is false for what is no epoch.
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
	pastEpochs = 16 // remembered
	// mostReturns within returnTime are several servers. A server gets a new epoch when it restarts, never an old one, unless
	// somebody restores what it had.
	mostReturns = 3
	returnTime  = time.Minute
)

// epochs are those that a node has had. Its address is that of several servers if old ones come back again and again, as the
// connections happen to lead.
type epochs struct {
	seen    []uint32
	returns []time.Time // of an old one, since the last new one
	several bool
}

// becomes takes the epoch that the node has now, and had not before. One that is new may be of a server that took the place of
// several.
func (e *epochs) becomes(epoch uint32) {
	switch {
	case epoch == 0: // a server that has none yet
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
