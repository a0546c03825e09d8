// Package quorum decides what a full look at the nodes has shown: which of the copies counts as the session's record,
// whether it may be believed although some nodes are silent, and what a write has to do next. It knows nothing but
// values. It asks no node, waits for nothing, and reads no clock; that is left to package replica.
//
//   - copies.go: what one node had, and whether that is of the node's present epoch
//   - view.go: what a look has seen of all nodes
//   - silence.go: what the nodes that did not answer may hide
//   - late.go: claims that came too late
//   - order.go: which of two copies counts more
//   - decision.go: the record that counts, and what a write needs to know of it
//   - absence.go: what it means that nobody has a copy, or only damaged ones
//   - held.go: what the caller holds in memory, or has stored, counts as well
package quorum

import (
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// View is what one full look at the nodes has seen, and what the request and this instance know besides, at the moment
// of the decision.
type View struct {
	Seen    Copies        // what the nodes that answered had, in the order in which their answers count
	Nodes   []Node        // the listed nodes
	First   string        // id of the node that is asked first, which the session's id names
	Backups int           // configured copies beside the one on the home
	Met     []record.Copy // where the record lies that this access has found before
	Retried bool          // a node that had failed was found well, and was asked again
}

// Node is one listed node.
type Node struct {
	ID        string
	Available bool          // requests may use it
	Usable    bool          // it is available, and has not failed in this request
	Epoch     uint32        // its present one, as far as is known; 0: none
	Down      time.Duration // for how long it has not been available; 0: it is
	Late      bool          // it ran out of time, in this request or a moment ago
	Suspect   bool          // an operation of any request ran out of time there, and no probe has told since
	Debt      Debt          // what it is owed
}

// Debt is what a node is owed of the session, as this instance knows by a hint. The zero Debt is none.
type Debt struct {
	Owed  bool // the node lacks something
	Lacks Lack // what it lacks, if that is known
}

// Lack is a record that a node lacks: its rank, and where it is stored. The zero Lack is perhaps an attempt only.
type Lack struct {
	Rank   record.Rank
	Copies []record.Copy
}

// node returns a listed node. It is false if no such node is listed.
func (v *View) node(id string) (Node, bool) {
	i := slices.IndexFunc(v.Nodes, func(n Node) bool { return n.ID == id })
	if i < 0 {
		return Node{}, false
	}
	return v.Nodes[i], true
}

// answered reports whether the node has answered.
func (v *View) answered(id string) bool {
	_, ok := v.Seen.Of(id)
	return ok
}

// inEpoch reports whether the copy was written in its node's present epoch, the node is available, and this instance
// knows of no write of the session that the node has missed.
func (v *View) inEpoch(c CopyState) bool {
	n, listed := v.node(c.Node)
	return listed && n.Available && InEpoch(c.Rec, n.ID, n.Epoch) && !n.Debt.Owed && !c.Debt.Owed
}
