package replica

import (
	"errors"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
)

// faults are the nodes that failed in an access, and whether they were asked again.
type faults struct {
	listed     *cluster.Cluster
	failed     []failure      // nodes that failed, and are not asked again
	before     *node.Failures // of the whole request, shared with its other accesses; nil: nobody keeps them
	chanceAt   time.Time      // when secondChance was used last; zero: never
	askedAgain bool           // and a node that had failed was found well, and asked again
}

// failure is a node that failed within a request, and why.
type failure struct {
	node.Waited
	why error
}

// forgetOld is called when an operation begins, because an access may last for long: failures of more than a second ago do
// not count any more, and the access has another chance to ask a node again (rules C20 and C21).
func (f *faults) forgetOld() {
	f.failed = slices.DeleteFunc(f.failed, func(x failure) bool { return time.Since(x.At) >= node.FailureMemory })
	if time.Since(f.chanceAt) >= node.FailureMemory {
		f.chanceAt, f.askedAgain = time.Time{}, false
	}
}

// why returns why a node has failed; nil: it has not.
func (f *faults) why(n *node.Node) error {
	for _, x := range f.failed {
		if x.Node.ID() == n.ID() {
			return x.why
		}
	}
	return nil
}

// usable reports whether the node is available and has not failed in this request (rule C20).
func (f *faults) usable(n *node.Node) bool {
	return n.Available() && !slices.ContainsFunc(f.failed, func(x failure) bool { return x.Node.ID() == n.ID() }) && !f.before.Has(n)
}

// usableNode returns the node with that id, if it is listed and usable.
func (f *faults) usableNode(id string) (*node.Node, bool) {
	n, known := f.listed.Node(id)
	return n, known && f.usable(n)
}

// reachesAll reports whether this request can use every listed node.
func (f *faults) reachesAll() bool {
	for _, m := range f.listed.Members() {
		if !f.usable(m.Node) {
			return false
		}
	}
	return true
}

// fail records that a node has failed in this access, so that it is not asked again.
func (f *faults) fail(n *node.Node, why error) {
	w := n.InVain()
	if earlier, met := f.before.Of(n); met {
		w = earlier
	} else if node.OutOfTime(why) {
		f.before.Add(w)
	}
	f.failed = append(f.failed, failure{w, why})
}

// ranOutOfTime reports whether the node ran out of time in this request, or became unavailable by that less than
// quorum.StallTime ago.
func (f *faults) ranOutOfTime(n *node.Node) bool {
	for _, x := range f.failed {
		if x.Node.ID() == n.ID() && !errors.Is(x.why, node.ErrDown) {
			return node.OutOfTime(x.why)
		}
	}
	trouble, down := n.Trouble()
	return f.before.Has(n) || down && trouble.Down < quorum.StallTime && node.OutOfTime(trouble.Why)
}

// metTimeout reports whether an operation ran out of time: in this access, or on nodes that were met earlier.
func (f *faults) metTimeout(earlier []node.Waited) bool {
	return len(earlier) > 0 || slices.ContainsFunc(f.failed, func(x failure) bool { return node.OutOfTime(x.why) })
}

// timeouts returns the nodes on which an operation ran out of time while they were available: in this access, and
// those that were met earlier.
func (f *faults) timeouts(earlier []node.Waited) []node.Waited {
	list := slices.Clip(earlier)
	for _, x := range f.failed {
		if _, known := f.listed.Node(x.Node.ID()); known && node.OutOfTime(x.why) {
			list = append(list, x.Waited)
		}
	}
	return list
}

// allProbed reports whether each node that ran out of time has been probed since.
func (f *faults) allProbed(earlier []node.Waited) bool {
	return !slices.ContainsFunc(f.timeouts(earlier), func(w node.Waited) bool { return !w.Probed() })
}

// forgive forgets the failures of nodes that have been probed since, and can be used. It reports whether there is one
// among all that ran out of time.
func (f *faults) forgive(earlier []node.Waited) bool {
	before := len(f.failed)
	f.failed = slices.DeleteFunc(f.failed, func(x failure) bool { return x.Refound() })
	f.askedAgain = len(f.failed) < before || slices.ContainsFunc(earlier, node.Waited.Refound)
	return f.askedAgain
}
