package node_test

import (
	"encoding/binary"
	"testing"

	"github.com/gomsm/msm/core/internal/checksum"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestADamagedMark has a process start that compares when two nodes were last in use. By the marks that it can read, a
// node is stale or not. A damaged one counts as not read, whatever time it would show.
func TestADamagedMark(t *testing.T) {
	const now = 1_800_000_000 // Unix time
	flip := func(at int, bits byte) func(mark []byte) {
		return func(mark []byte) { mark[at] ^= bits }
	}
	intact := func([]byte) {}
	for name, c := range map[string]struct {
		own, other  int64 // when the node was in use last, and when another one was
		damageOwn   func(mark []byte)
		damageOther func(mark []byte)
		stale       bool
	}{
		"both nodes were in use":                                      {now, now, intact, intact, false},
		"the node was out of use":                                     {now - 3600, now, intact, intact, true},
		"its mark is damaged, and would show a time long ago":         {now, now, flip(4, 0x20), intact, false},
		"the other's mark is damaged, and would show a time to come":  {now, now, intact, flip(4, 0x80), false},
		"it was out of use, but its mark is damaged in the checksum":  {now - 3600, now, flip(19, 1), intact, false},
		"it was out of use, but so is the other's in the second time": {now - 3600, now, intact, flip(12, 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			servers := &node.Servers{}
			join := func(id string, used int64, damage func(mark []byte)) (n *node.Node, former uint32) {
				s := nodetest.New(id)
				before := instance(s) // of a process that has ended
				mustProbe(t, before)
				mark := markOf(used)
				damage(mark)
				if err := s.Memory().Add(t.Context(), "used", memcache.Item{Value: mark}, 0); err != nil {
					t.Fatal(err)
				}
				return s.Node(s.Client(""), node.Options{EpochKey: "epoch", UseKey: "used", Servers: servers}), before.Epoch()
			}
			n, former := join("n1", c.own, c.damageOwn)
			other, _ := join("n2", c.other, c.damageOther)
			servers.Set([]*node.Node{n, other})
			mustProbe(t, other)
			mustProbe(t, n)
			if replaced := n.Epoch() != former; replaced != c.stale {
				t.Errorf("its epoch was replaced: %v, want %v", replaced, c.stale)
			}
		})
	}
}

// markOf returns the mark of a node that was in use last at a Unix time, and that came into use a year before.
func markOf(used int64) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(used))
	b = binary.BigEndian.AppendUint64(b, uint64(used-365*24*3600)*1_000_000)
	return checksum.Append(b)
}
