package msm_test

import (
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestTheMemoryNodeIsFull: T-05. Where no nodes are configured, a flood of new sessions drives out none of a visitor who has
// come again; what is evicted is counted, and the log tells.
func TestTheMemoryNodeIsFull(t *testing.T) {
	t.Parallel()
	m, log := logging(t, msm.Config{})
	large := make([]byte, 250<<10)
	id := begin(t, m, addOne)
	counts(t, m, id, 1)
	for range 400 {
		begin(t, m, func(s *msm.Session) { s.Set("large", large) })
	}
	counts(t, m, id, 1)
	if n, lines := m.Stats().Evicted, log.count("is full and evicts sessions"); n < 100 || n > 200 || lines != 1 {
		t.Errorf("%d sessions were evicted, of some 140; %d lines in the log", n, lines)
	}
}
