package node

import (
	"fmt"
	"slices"
	"time"
)

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
