package local

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gomsm/msm/core/internal/pace"
)

const (
	repairEvery = 250 * time.Millisecond // as often as nodes are probed
	// downFor is how long a node has to be down before its sessions get another one without a request.
	downFor = 5 * time.Second
	// repairDelay leaves time to read messages first: what another instance has taken over must not be stored again
	// from here.
	repairDelay = 4 * repairEvery
)

// repair watches the nodes until ctx ends. If one has lost its values, or stays away, the sessions that it should have
// are stored again from memory, without waiting for their visitors (rule H16).
func (st *Store) repair(ctx context.Context) {
	watch := nodeWatch{}
	seen := watch.look(st)
	for {
		if pace.Sleep(ctx, repairEvery) != nil {
			return
		}
		if watch.look(st) != seen {
			_ = pace.Sleep(ctx, repairDelay)
			seen = watch.look(st)
			st.refill(ctx)
		}
	}
}

// nodeWatch tells nodes that have been down for long from those that were away for a moment. Its keys are the ids of
// nodes.
type nodeWatch map[string]*watched

// watched is what is known of a node. A node that loses its values has another epoch from then on.
type watched struct {
	epoch uint32    // the node's epoch when it was available last
	at    time.Time // when that was; zero: never
}

// look describes the nodes, so that two descriptions differ if there may be something to repair.
func (w nodeWatch) look(st *Store) string {
	var text strings.Builder
	for _, m := range st.Replica.Cluster.Members() {
		id := m.Node.ID()
		seen, known := w[id]
		if !known {
			seen = &watched{}
			w[id] = seen
		}
		if m.Node.Available() {
			seen.epoch, seen.at = m.Node.Epoch(), time.Now()
		}
		if time.Since(seen.at) > downFor {
			fmt.Fprintf(&text, "%s down ", id)
		} else {
			fmt.Fprintf(&text, "%s %x ", id, seen.epoch)
		}
	}
	return text.String()
}

// refill has every session written whose copies are not as they should be, at Config.RefillRate, and none while
// requests wait for the write-behind.
func (st *Store) refill(ctx context.Context) {
	p, room := pace.New(st.RefillRate), 0
	for s := range st.cache.all() {
		if st.intact(s) {
			continue
		}
		if room == 0 {
			room = p.Portion()
			st.queue.waitForEase(ctx, &st.queue.known)
			if p.Wait(ctx, room) != nil {
				return
			}
		}
		room--
		st.Refilled.Add(1)
		st.saveSoon(s)
	}
}

// intact reports whether the copies of the session are as they should be, or it was never stored.
func (st *Store) intact(s *Session) bool {
	s.mu.Lock()
	stored := s.stored
	s.mu.Unlock()
	return stored.Version == 0 || st.Replica.Intact(stored)
}
