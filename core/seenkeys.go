package msm

import (
	"bytes"
	"slices"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/sid"
)

// seenKeys are the sessions that nodes have keys of. They may be millions, so each has 34 bytes.
type seenKeys struct {
	keyPrefix string
	prefix    string // of sessions' records
	nodes     []*node.Node
	keys      []seenKey // sorted by hash, each once, after sort
}

type seenKey struct {
	hash sid.Hash
	on   uint16 // in seenKeys.nodes: one that has it
}

func newSeenKeys(keyPrefix string) *seenKeys {
	return &seenKeys{keyPrefix: keyPrefix, prefix: sid.KeyPrefix(keyPrefix, sid.Record)}
}

// adder answers what takes the keys of a node.
func (s *seenKeys) adder(n *node.Node) func(key string) {
	on := uint16(len(s.nodes))
	s.nodes = append(s.nodes, n)
	return func(key string) {
		if hash, ok := sid.ParseKey(s.keyPrefix, sid.Record, key); ok {
			s.keys = append(s.keys, seenKey{hash, on})
		}
	}
}

func (s *seenKeys) sort() {
	slices.SortFunc(s.keys, func(a, b seenKey) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	s.keys = slices.CompactFunc(s.keys, func(a, b seenKey) bool { return a.hash == b.hash })
}

// skip leaves out what is not after the hash.
func (s *seenKeys) skip(after sid.Hash) {
	at, there := slices.BinarySearchFunc(s.keys, after, func(k seenKey, h sid.Hash) int { return bytes.Compare(k.hash[:], h[:]) })
	if there {
		at++
	}
	s.keys = s.keys[at:]
}

func (s *seenKeys) key(k seenKey) string { return k.hash.Key(s.keyPrefix, sid.Record) }

func (s *seenKeys) node(k seenKey) *node.Node { return s.nodes[k.on] }

// failed answers one of the nodes that is not available any more; nil if all are.
func (s *seenKeys) failed() *node.Node {
	for _, n := range s.nodes {
		if !n.Available() {
			return n
		}
	}
	return nil
}
