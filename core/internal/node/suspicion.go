package node

import "sync/atomic"

// suspicion counts the operations that have timed out, and the probes, which alone can tell whether that was the node's
// fault (rule N3). Probes are numbered from 1 as they begin, since one that began before an operation timed out says
// nothing about what was wrong then.
type suspicion struct {
	timeouts      atomic.Uint64 // operations that have timed out
	ackedTimeouts atomic.Uint64 // value of timeouts at the beginning of the last probe that has ended
	begun         atomic.Uint64 // number of the last probe that has begun
	ended         atomic.Uint64 // number of the last probe that has ended
}

// probing notes that a probe begins, and returns what to call at its end.
func (s *suspicion) probing() (end func()) {
	timeouts, number := s.timeouts.Load(), s.begun.Add(1)
	return func() {
		s.ackedTimeouts.Store(timeouts)
		for last := s.ended.Load(); last < number && !s.ended.CompareAndSwap(last, number); {
			last = s.ended.Load()
		}
	}
}

func (s *suspicion) active() bool { return s.timeouts.Load() > s.ackedTimeouts.Load() }
