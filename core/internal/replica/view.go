package replica

import (
	"errors"
	"fmt"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
)

// view returns what a look has seen, together with what this access knows of the nodes at this moment.
func (a *Access) view(seen quorum.Copies) *quorum.View {
	members := a.store.Cluster.Members()
	v := &quorum.View{
		Seen: seen, Nodes: make([]quorum.Node, len(members)), First: a.node, Backups: a.store.Backups, Retried: a.askedAgain,
	}
	if a.looks.met != nil {
		v.Met = a.looks.met.Copies
	}
	for i, m := range members {
		n := m.Node
		v.Nodes[i] = quorum.Node{
			ID: n.ID(), Available: n.Available(), Usable: a.usable(n), Epoch: n.Epoch(), Down: n.DownFor(),
			Late: a.ranOutOfTime(n), Suspect: n.Suspect(), Debt: a.store.hints.debt(n, a.key),
		}
	}
	return v
}

// choose returns the record that counts among those that a full look has found.
func (a *Access) choose(seen quorum.Copies) (*quorum.Decision, error) {
	d, verdict := a.view(seen).Choose()
	if verdict == quorum.Found && !d.Heal {
		d.Heal = a.misplaced(d.Rec)
	}
	return d, a.errorOf(verdict, mayBeOld)
}

// errorOf returns the error of a look with that verdict; nil: it has found something. about says why what was found is
// not enough.
func (a *Access) errorOf(verdict quorum.Verdict, about string) error {
	switch verdict {
	case quorum.Gone:
		return ErrNoSession
	case quorum.Damaged:
		return a.damaged()
	case quorum.Doubtful:
		return a.unavailable(ErrUnavailable, about)
	case quorum.Away:
		return a.unavailable(errAway, about)
	}
	return nil
}

// damaged returns the error of a look that has found damaged copies only. A node that is silent may have a good one.
func (a *Access) damaged() error {
	for _, m := range a.store.Cluster.Members() {
		if _, answered := a.looks.seen.Of(m.Node.ID()); !answered {
			return a.unavailable(errDamagedHere, "what the others have is damaged")
		}
	}
	return ErrDamaged
}

// trusted reports whether the home's word is enough (rule C1): see quorum.Vouches. Besides, this instance must know of no
// write of the session that the node has missed (see hints), now or when it was asked.
func (a *Access) trusted(n *node.Node, c quorum.CopyState) bool {
	return c.Rec != nil && quorum.Vouches(n.ID(), n.Epoch(), c.Rec) && !c.Debt.Owed && !a.store.hints.has(n, a.key)
}

// writesOver reports whether a write goes on although no copy of the session could be read: a Destroy always, a Put if
// every copy is damaged.
func (a *Access) writesOver(err error) bool {
	switch a.op.kind {
	case ending:
		return a.foreign.Load() || errors.Is(err, ErrDamaged) || errors.Is(err, errDamagedHere)
	case overwriting:
		return errors.Is(err, ErrDamaged)
	}
	return false
}

// overUnread returns what such a write starts from: see quorum.Overwrite.
func (a *Access) overUnread() *quorum.Decision {
	now := a.store.Clock()
	return quorum.Overwrite(&record.Record{Created: now, LastAccess: now, IdleTimeout: a.store.IdleTime}, a.looks.seen, a.node)
}

// CanOnlyEnd reports whether an error of Load says that the session, if there is one, cannot be read, and that Destroy can
// end it all the same (rule E17).
func CanOnlyEnd(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, errDamagedHere) || errors.Is(err, ErrUnreadable)
}

// errDamagedHere is the ErrUnavailable of a session of which only damaged copies were found, and a node is silent.
var errDamagedHere = fmt.Errorf("%w", ErrUnavailable)

// errAway is the ErrUnavailable of a session without backups: a node that does not answer, but was available a short
// while ago, may have it.
var errAway = fmt.Errorf("%w, of which one may have the session", ErrUnavailable)

// What errors say of what the other nodes have said, besides of which nodes were silent.
const (
	mayBeOld   = "the others have only copies that may be old"
	mayLack    = "the others may lack a session that these have"
	standstill = "it is a moment only, in which this instance may have stood still"
)
