package examples

import (
	"fmt"
	"slices"
)

// listChanges are changes of the list of nodes. Each ends with three nodes.
var listChanges = []scenario{
	{name: "a node is added, and removed again", play: func(a *arena) { a.addAndRemove(newest) }},
	{name: "a node is added, and removed again while people sleep", open: true, play: func(a *arena) { a.addAndRemove(a.anywhere) }},
	{name: "a node is removed while it runs, and added again", play: func(a *arena) {
		before := a.nodes
		a.rollNodes(before[1:], newest)
		a.rollNodes(before, newest)
	}},
	{name: "a node is replaced by a new server with another id", play: func(a *arena) { a.replace(1, a.newNode(a.nextID())) }},
	{name: "a node is replaced by a new server with its id", play: func(a *arena) { a.replace(2, a.newNode(a.nodes[2].id)) }},
	{name: "a node gets another address", play: func(a *arena) { a.replace(0, a.sameServer(a.nodes[0], a.nodes[0].id)) }},
	{name: "a node gets another id", play: func(a *arena) { a.replace(0, a.sameServer(a.nodes[0], a.nextID())) }},
}

func (a *arena) addAndRemove(sleepsAt func(newest *arenaApp) []*arenaApp) {
	before := a.nodes
	a.rollNodes(append(slices.Clone(before), a.newNode(a.nextID())), sleepsAt)
	a.rollNodes(before, sleepsAt)
}

// nextID returns an id that no node has had.
func (a *arena) nextID() string {
	a.ids++
	return fmt.Sprintf("n%d", a.ids)
}

// sameServer returns a node with the server of n at another address.
func (a *arena) sameServer(n *arenaNode, id string) *arenaNode { return a.proxied(id, n.server) }

// replace puts another node in the place of one, and ends the server of the old one unless they share it.
func (a *arena) replace(i int, n *arenaNode) {
	old, list := a.nodes[i], slices.Clone(a.nodes)
	list[i] = n
	a.rollNodes(list, newest)
	if old.server != n.server {
		old.server.Kill()
	}
}

// rollNodes rolls out a list of nodes. From then on it must be as good as any: each node in turn may lose all that it
// has, and is repaired.
func (a *arena) rollNodes(list []*arenaNode, sleepsAt func(newest *arenaApp) []*arenaApp) {
	a.nodes = list
	a.roll(sleepsAt)
	for _, n := range list {
		end := a.report.begin("node", "killed, and restarted empty, after "+a.scenario)
		n.server.Kill()
		a.hold(nil)
		n.server.Restart()
		end()
		a.repaired()
	}
	a.wake()
}
