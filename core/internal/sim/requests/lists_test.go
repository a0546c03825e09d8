package requests

import (
	"slices"
	"strings"
	"time"
)

// listed is a list of nodes as an instance is configured with, without the one that is called so.
func (w *world) listed(without string) string {
	var nodes []string
	for _, s := range w.servers {
		if s.name != without {
			nodes = append(nodes, s.name+":"+s.name+":11211")
		}
	}
	return strings.Join(nodes, ",")
}

// relist takes a node out of the lists of some instances, or of all of them, one after the other, and puts it back. It runs
// all the time, and keeps what it has.
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

// stray is a cookie that names a node which is in nobody's list, as after a change of its id.
func stray(cookie string) string {
	id, _, _ := ids.Parse(cookie)
	return strings.Replace(cookie, "-"+id.Node, "-n9", 1)
}
