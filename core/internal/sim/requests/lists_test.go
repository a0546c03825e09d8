package requests

import (
	"slices"
	"strings"
	"time"
)

// listed returns a list of nodes as in the configuration, without the node of that name.
func (w *world) listed(without string) string {
	var nodes []string
	for _, s := range w.servers {
		if s.name != without {
			nodes = append(nodes, s.name+":"+s.name+":11211")
		}
	}
	return strings.Join(nodes, ",")
}

// relist takes a node out of the lists of some or all instances, one instance after the other, and puts it back. The
// node runs all the time, and keeps what it has.
func (w *world) relist(s *server) {
	some := slices.Clone(w.instances)
	w.rng.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	some = some[:1+w.rng.IntN(len(some))]
	for _, without := range []string{s.name, ""} {
		w.rng.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		for _, in := range some {
			time.Sleep(w.pause(0, 1000))
			w.say("%s gets a list without %q", in.name, without)
			if err := in.manager.SetNodes(w.listed(without), ""); err != nil {
				w.violate("%s does not take another list: %v", in.name, err)
			}
		}
		time.Sleep(w.pause(0, 3000))
	}
}

// stray changes a cookie's node to one that is in nobody's list, as if the node had got another id.
func stray(cookie string) string {
	id, _, _ := ids.Parse(cookie)
	return strings.Replace(cookie, "-"+id.Node, "-n9", 1)
}
