package cluster

import (
	"errors"
	"strings"

	"github.com/gomsm/msm/core/internal/node"
)

// ErrUnavailable means that too few nodes answer.
var ErrUnavailable = errors.New("msm: nodes do not answer")

// Unavailable is an ErrUnavailable that says which nodes were of no help, and why, in a text for people.
type Unavailable struct {
	Kind  error  // ErrUnavailable, or an error that wraps it
	About string // why what the other nodes said is not enough; empty: they said nothing
	Nodes []node.Trouble
}

func (u *Unavailable) Error() string {
	var text strings.Builder
	text.WriteString(u.Kind.Error())
	if u.About != "" {
		text.WriteString(", and " + u.About)
	}
	for i, n := range u.Nodes {
		text.WriteString([]string{": ", "; "}[min(i, 1)] + n.String())
	}
	return text.String()
}

// Unwrap returns Kind.
func (u *Unavailable) Unwrap() error { return u.Kind }

// Missing returns the nodes that a request has to do without: those that are not available, and those that have failed
// in it. failed returns why a node has; nil: it has not.
func (c *Cluster) Missing(failed func(n *node.Node) error) (list []node.Trouble) {
	for _, m := range c.Members() {
		if trouble, down := m.Node.Trouble(); down {
			list = append(list, trouble)
		} else if why := failed(m.Node); why != nil {
			list = append(list, m.Node.Failed(why))
		}
	}
	return list
}

// Busy returns the error of a request that found no free connection to a node which is there.
func Busy(n *node.Node, why error) error {
	return &Unavailable{Kind: ErrUnavailable, Nodes: []node.Trouble{n.Failed(why)}}
}
