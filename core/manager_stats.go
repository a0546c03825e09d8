package msm

import (
	"github.com/gomsm/msm/core/internal/counter"
	"github.com/gomsm/msm/core/internal/node"
)

// Stats returns the counters and the nodes' states. It asks no node.
func (m *Manager) Stats() Stats {
	s := Stats{Dropped: m.background.Dropped(), Evicted: m.evicted.Load()}
	counter.Read(&m.store.Counters, &s)
	counter.Read(&m.refusals, &s.Refusals)
	counter.Read(&m.suspects.idCounters, &s.IDs)
	if m.local != nil {
		g := m.local.Gauges()
		s.Local = &LocalStats{
			Sessions: g.Sessions, Bytes: g.Bytes, PendingSessions: g.PendingSessions, PendingChanges: g.PendingChanges,
		}
		counter.Read(&m.local.Counters, s.Local)
	}
	s.Locks = m.locks.stats()
	for _, member := range m.store.Cluster.Members() {
		n := member.Node
		state := NodeDown
		if n.Available() {
			state = NodeUp
		}
		s.Nodes = append(s.Nodes, NodeStats{ID: n.ID(), Address: n.Address(), Failover: member.Failover, State: state, Owed: m.store.CountOwed(n), Refill: m.refill(n)})
	}
	return s
}

// refill returns how far the last refill of a node is; nil if there was none.
func (m *Manager) refill(n *node.Node) *RefillStats {
	p, there := m.refills.Progress(n)
	if !there {
		return nil
	}
	return &RefillStats{State: RefillState(p.State), Total: p.Total, Done: p.Done, Healed: p.Healed, Failed: p.Failed, Ended: p.Ended}
}
