package replica

import (
	"slices"

	"github.com/gomsm/msm/core/internal/record"
)

// Intact reports whether nothing is to be done for the record's copies: it is settled, each copy is on an available
// node that has lost nothing since, there are as many copies as there should be, and none is on a failover node without
// need. It asks no node.
func (s *Store) Intact(rec *record.Record) bool {
	return !rec.Unsettled && !slices.ContainsFunc(rec.Copies, s.lost) && !s.tooFew(rec) && !s.astray(rec)
}

// misplaced reports whether the record should have other copies than it has.
func (a *Access) misplaced(rec *record.Record) bool {
	return a.store.copyMissing(rec) || a.serves && a.store.astray(rec)
}

// copyMissing reports whether a backup's copy is lost, or whether there could be one more copy (rule H1).
func (s *Store) copyMissing(rec *record.Record) bool {
	return s.tooFew(rec) || slices.ContainsFunc(rec.Copies, func(c record.Copy) bool { return c.Node != rec.Home && s.lost(c) })
}

// lost reports whether the node of a copy is down, has lost its values or is not in the list.
func (s *Store) lost(c record.Copy) bool {
	n, known := s.Cluster.Node(c.Node)
	return !known || !n.Available() || n.Epoch() != c.Epoch
}

// tooFew reports whether there could be one more copy.
func (s *Store) tooFew(rec *record.Record) bool {
	return len(rec.Copies) <= s.backups() && s.spareNode(rec)
}

// spareNode reports whether a node that could take one more copy is available.
func (s *Store) spareNode(rec *record.Record) bool {
	for _, m := range s.Cluster.Members() {
		if _, named := rec.Copy(m.Node.ID()); !named && m.Node.Available() && m.Node.Takes(s.Size(rec)) {
			return true
		}
	}
	return false
}

// astray reports whether the record has a copy on a failover node without need.
func (s *Store) astray(rec *record.Record) bool {
	for _, c := range rec.Copies {
		if !s.Cluster.Failover(c.Node) {
			continue
		}
		if regular := s.regular(s.Size(rec)); c.Node == rec.Home && regular > 0 || regular > s.backups() {
			return true
		}
	}
	return false
}

// regular returns how many regular nodes, not failover nodes, are available and take a copy of that size, in bytes.
func (s *Store) regular(size int) (n int) {
	for _, m := range s.Cluster.Members() {
		if !m.Failover && m.Node.Available() && m.Node.Takes(size) {
			n++
		}
	}
	return n
}
