package copies

import (
	"context"
	"strings"

	"github.com/gomsm/msm/core/internal/node"
)

// at returns the server of a node, which may have got another id.
func (w *world) at(node string) *server { return w.servers[strings.TrimSuffix(node, renamed)] }

// renamed is the end of the other id of a node.
const renamed = "x"

// goal returns the id under which an instance should have a server in its list; empty: it should not have it.
func (r *run) goal(in *instance, server string) string {
	for _, f := range r.faults {
		switch {
		case f.node != server || f.kind != "removed" && f.instance.name != in.name:
		case f.kind == "unlisted", f.kind == "removed":
			return ""
		case f.kind == "renamed":
			return server + renamed
		}
	}
	return server
}

// relist changes the instances' lists one at a time, as a rolling deploy does.
func (r *run) relist() {
	if !r.lists {
		return
	}
	for _, in := range r.instances {
		for _, server := range r.names {
			if goal := r.goal(in, server); goal != in.idOf(server) && !in.changes && !in.halted && r.rng.Float64() < 0.1 {
				r.change(in, server, goal)
			}
		}
	}
}

// listed reports whether every instance has the list that it should have.
func (r *run) listed() bool {
	for _, in := range r.instances {
		for _, server := range r.names {
			if in.idOf(server) != r.goal(in, server) {
				return false
			}
		}
	}
	return true
}

// idOf returns the id under which the instance has a server in its list; empty: it has not.
func (in *instance) idOf(server string) string {
	if n := in.nodes[server]; n != nil {
		return n.ID()
	}
	return ""
}

// change gives an instance another list. A node that is new to it is probed first, just as with package msm.
func (r *run) change(in *instance, server, id string) {
	began := r.now
	in.changes = true
	r.note("%s is to know %s as %q", in.name, server, id)
	r.start(&process{kind: probe, instance: in}, func(ctx context.Context) {
		var n *node.Node
		if id != "" {
			n = r.newNode(in, server, id)
			n.MarkStale() // as with package msm: what the node has may be old
			r.look(ctx, in, server, n, began)
		}
		in.nodes[server], in.changes = n, false
		in.enlist(r.names)
	})
}
