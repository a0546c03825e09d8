package node

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
)

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

const (
	pastEpochs = 16 // epochs that are remembered per node
	// mostReturns old epochs that come back within returnTime show that an address leads to several servers. A server
	// that restarts gets a new epoch, never an old one, unless its data are restored.
	mostReturns = 3
	returnTime  = time.Minute
)

// epochHistory has the epochs of a node. If old ones come back again and again, depending on where each connection
// leads, the node's address leads to several servers.
type epochHistory struct {
	seen    []uint32    // the last ones, oldest first
	returns []time.Time // when an old epoch came back, since the last new one
	several bool        // the address leads to several servers
}

// add notes that the node's epoch has changed to the given one (rule N14). A new epoch clears the suspicion of several
// servers: one server may have taken their place.
func (h *epochHistory) add(epoch uint32) {
	switch {
	case epoch == 0: // the server has no epoch yet
	case !slices.Contains(h.seen, epoch):
		h.seen = append(h.seen[max(0, len(h.seen)-pastEpochs+1):], epoch)
		h.returns, h.several = nil, false
	default:
		now := time.Now()
		h.returns = slices.DeleteFunc(h.returns, func(t time.Time) bool { return now.Sub(t) > returnTime })
		h.returns = append(h.returns, now)
		h.several = h.several || len(h.returns) >= mostReturns
	}
}
