package replica

import (
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// kind says what a write is for.
type kind int

const (
	changing    kind = iota // it changes a living session, or heals it
	overwriting             // it stores a session whatever is there: see Put
	ending                  // it ends the session: see Destroy
)

// operation is one write, with all its attempts.
type operation struct {
	kind     kind
	attempt  uint64    // attempts before the present one
	began    time.Time // when the write began
	earliest uint64    // version of its first attempt that a node may have; 0: no node has any
	size     int       // bytes of the largest record that this access was to write; see placeable

	skipped []*node.Node  // nodes that the write does without
	touched []*node.Node  // nodes that failed attempts got to
	former  string        // route of the sticky instance that the session is taken from; see relieve
	room    [2]*node.Node // backing array of the backups of one attempt, which saves an allocation most of the time
}

// begin begins another write of the same access.
func (o *operation) begin(k kind, now time.Time) { o.kind, o.began, o.earliest = k, now, 0 }

// skip remembers that the write does without a node.
func (o *operation) skip(n *node.Node) {
	if !slices.Contains(o.skipped, n) {
		o.skipped = append(o.skipped, n)
	}
}

// grow remembers the size of a record that is to be written.
func (o *operation) grow(size int) { o.size = max(o.size, size) }

// maxWrite is how long a write goes on trying. Later the record may have forgotten that an attempt was stored after
// all.
const maxWrite = record.StampLife / 2

// tooOld reports whether nobody can tell any more if an earlier attempt was stored, so that the change might be made
// twice (rule W10). top is the highest version seen. For Destroy it is false: to end a session twice does no harm.
func (o *operation) tooOld(now time.Time, top uint64) bool {
	return o.kind != ending && o.attempt > 0 && (now.Sub(o.began) > maxWrite || o.forgotten(top))
}

// forgotten reports whether an earlier attempt may have been stored, and so many writes after it that the record has no
// trace of it any more.
func (o *operation) forgotten(top uint64) bool {
	return o.earliest > 0 && top >= o.earliest+record.MaxStamps
}

// status reports whether the session is gone, and whether it has the request's change already, by an earlier attempt
// whose outcome was unknown. Such a change is not applied again: the record is written once more until every copy has
// it (rules W9 and W21).
func (o *operation) status(rec *record.Record, request uint64, now time.Time) (gone, applied bool) {
	applied = HasRequest(rec, request)
	switch {
	case o.kind == overwriting:
		return false, applied
	case rec.Tombstone:
		return o.kind != ending || !applied, applied
	}
	return rec.Expired(now), applied
}
