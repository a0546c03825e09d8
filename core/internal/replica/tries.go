package replica

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
)

// usable reports whether the node is available and has not failed in this request (rule C20).
func (a *Access) usable(n *node.Node) bool {
	return n.Available() && !slices.ContainsFunc(a.failed, func(f failure) bool { return f.node == n.ID() }) && !a.before.has(n)
}

// fail records that a node has failed in this access, so that it is not asked again.
func (a *Access) fail(id string, why error) {
	var looks uint64
	if n, known := a.store.Cluster.Node(id); known {
		looks = n.Looks()
		if w, met := a.before.of(n); met {
			looks = w.looks
		} else if node.OutOfTime(why) {
			a.before.add(n)
		}
	}
	a.failed = append(a.failed, failure{id, why, looks})
}

// ranOutOfTime reports whether the node ran out of time in this request, or became unavailable by that less than
// quorum.StallTime ago.
func (a *Access) ranOutOfTime(n *node.Node) bool {
	for _, f := range a.failed {
		if f.node == n.ID() && !errors.Is(f.why, node.ErrDown) {
			return node.OutOfTime(f.why)
		}
	}
	trouble, down := n.Trouble()
	return a.before.has(n) || down && trouble.Down < quorum.StallTime && node.OutOfTime(trouble.Why)
}

var errNotListed = errors.New("it is not among the configured nodes")

// unavailable returns such an error for this access. It also names the node of the client's id, if that is not listed.
func (a *Access) unavailable(kind error, about string) error {
	u := a.store.without(a.failed, kind, about)
	if _, known := a.store.Cluster.Node(a.node); !known && a.node != "" {
		u.nodes = append(u.nodes, node.Trouble{ID: a.node, Why: errNotListed})
	}
	return u
}

// errAway is the ErrUnavailable of a session without backups: a node that does not answer, but was available a short
// while ago, may have it.
var errAway = fmt.Errorf("%w, of which one may have the session", ErrUnavailable)
