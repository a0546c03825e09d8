package replica

import (
	"strings"

	"github.com/gomsm/msm/core/internal/node"
)

// unavailable is an ErrUnavailable that says which nodes were of no help, and why, in a text for people.
type unavailable struct {
	kind  error  // ErrUnavailable, or an error that wraps it
	about string // why what the other nodes said is not enough; empty: they said nothing
	nodes []node.Trouble
}

func (u *unavailable) Error() string {
	var text strings.Builder
	text.WriteString(u.kind.Error())
	if u.about != "" {
		text.WriteString(", and " + u.about)
	}
	for i, n := range u.nodes {
		text.WriteString([]string{": ", "; "}[min(i, 1)] + n.String())
	}
	return text.String()
}

func (u *unavailable) Unwrap() error { return u.kind }

// failure is a node that failed within a request, and why.
type failure struct {
	node  string // its id
	why   error
	looks uint64 // how many probes had looked at it before; see refound
}

// without returns the error of a request that met those failures. It names the nodes that the request had to do
// without: those that are not available, and those that failed in it.
func (s *Store) without(failed []failure, kind error, about string) *unavailable {
	u := &unavailable{kind: kind, about: about}
	for _, m := range s.Cluster.Members() {
		if trouble, down := m.Node.Trouble(); down {
			u.nodes = append(u.nodes, trouble)
			continue
		}
		for _, f := range failed {
			if f.node == m.Node.ID() {
				u.nodes = append(u.nodes, m.Node.Failed(f.why))
				break
			}
		}
	}
	return u
}

// busy returns the error of a request that found no free connection to a node which is there.
func busy(n *node.Node, why error) error { return about(n.Failed(why)) }

// about returns an ErrUnavailable about one node.
func about(n node.Trouble) error { return &unavailable{kind: ErrUnavailable, nodes: []node.Trouble{n}} }
