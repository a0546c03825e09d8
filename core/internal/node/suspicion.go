package node

import "sync/atomic"

// suspicion counts the operations that have timed out, and the probes, which alone can tell whether that was the node's
// fault (rule N3).
type suspicion struct {
	timeouts      atomic.Uint64 // operations that have timed out
	ackedTimeouts atomic.Uint64 // value of timeouts at the beginning of the last probe that has ended
	probes        atomic.Uint64 // probes that have ended
}

// probed notes that a probe has ended. timeouts is the value of the field when it began.
func (s *suspicion) probed(timeouts uint64) {
	s.ackedTimeouts.Store(timeouts)
	s.probes.Add(1)
}

func (s *suspicion) active() bool { return s.timeouts.Load() > s.ackedTimeouts.Load() }
