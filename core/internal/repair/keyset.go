package repair

import (
	"bytes"
	"slices"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/sid"
)

// keySet is the set of sessions that nodes have listed keys of. There may be millions, so each takes 34 bytes.
type keySet struct {
	keyPrefix string
	prefix    string       // with which the keys of records begin
	nodes     []*node.Node // those that have listed their keys
	keys      []seenKey    // after sort: by hash, each once
}

type seenKey struct {
	hash sid.Hash
	on   uint16 // index in keySet.nodes of one that has it
}

func newKeySet(keyPrefix string) *keySet {
	return &keySet{keyPrefix: keyPrefix, prefix: sid.KeyPrefix(keyPrefix, sid.Record)}
}

// collector returns a function that adds a key of the node to the set. It leaves out keys that are not of records.
func (s *keySet) collector(n *node.Node) func(key string) {
	on := uint16(len(s.nodes))
	s.nodes = append(s.nodes, n)
	return func(key string) {
		if hash, ok := sid.ParseKey(s.keyPrefix, sid.Record, key); ok {
			s.keys = append(s.keys, seenKey{hash, on})
		}
	}
}

// sort orders the keys by hash, and removes duplicates.
func (s *keySet) sort() {
	slices.SortFunc(s.keys, func(a, b seenKey) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	s.keys = slices.CompactFunc(s.keys, func(a, b seenKey) bool { return a.hash == b.hash })
}

// skip removes the keys up to and including the hash. The keys must be sorted.
func (s *keySet) skip(after sid.Hash) {
	at, there := slices.BinarySearchFunc(s.keys, after, func(k seenKey, h sid.Hash) int { return bytes.Compare(k.hash[:], h[:]) })
	if there {
		at++
	}
	s.keys = s.keys[at:]
}

func (s *keySet) key(k seenKey) string { return k.hash.Key(s.keyPrefix, sid.Record) }

func (s *keySet) node(k seenKey) *node.Node { return s.nodes[k.on] }

// failed returns one of the nodes that is not available any more; nil if all are.
func (s *keySet) failed() *node.Node {
	for _, n := range s.nodes {
		if !n.Available() {
			return n
		}
	}
	return nil
}
