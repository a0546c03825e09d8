package quorum

import (
	"slices"

	"github.com/gomsm/msm/core/internal/record"
)

// CopyState is what one node had when it was asked.
type CopyState struct {
	Node  string         // its id
	Rec   *record.Record // nil: nothing, or nothing readable
	Token uint64         // for a compare-and-swap; 0: the node has no value
	Epoch uint32         // of the node at that time: in each epoch it counts tokens anew
	Debt  Debt           // what the node was owed just before: it may have been given that since, and what it had is old
}

// Outlived reports whether the token is not of the node's present epoch, in which another value may have the same token.
func (c CopyState) Outlived(present uint32) bool { return c.Token != 0 && c.Epoch != present }

// onHome reports whether the copy lies on its record's own home.
func (c CopyState) onHome() bool { return c.Node == c.Rec.Home }

// Copies are what several nodes had.
type Copies []CopyState

// Of returns what a node had. It is false if the node did not answer.
func (s Copies) Of(node string) (CopyState, bool) {
	for _, c := range s {
		if c.Node == node {
			return c, true
		}
	}
	return CopyState{}, false
}

// Records returns the records that the nodes have shown.
func (s Copies) Records() (list []*record.Record) {
	for _, c := range s {
		if c.Rec != nil {
			list = append(list, c.Rec)
		}
	}
	return list
}

// AnyRecord reports whether a node has shown a record.
func (s Copies) AnyRecord() bool {
	return slices.ContainsFunc(s, func(c CopyState) bool { return c.Rec != nil })
}

// anyUnreadable reports whether a node has something that is no record.
func (s Copies) anyUnreadable() bool {
	return slices.ContainsFunc(s, func(c CopyState) bool { return c.Rec == nil && c.Token != 0 })
}

// InEpoch reports whether the copy of the record on a node was written in the node's present epoch (rule C3). Without an
// epoch, between a restart and the next probe, no copy was.
func InEpoch(rec *record.Record, node string, present uint32) bool {
	epoch, named := rec.Copy(node)
	return named && epoch != 0 && epoch == present
}

// Vouches reports whether the word of the node alone is enough for the record that it has (rule C1): the record names
// the node as its home, and was written in the node's present epoch. An unsettled record is not enough. It is a claim,
// which may have got no further than its home, while others went on where the session was before.
func Vouches(node string, present uint32, rec *record.Record) bool {
	return rec.Home == node && !rec.Unsettled && InEpoch(rec, node, present)
}
