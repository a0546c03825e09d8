package replica

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// TestChoose: which of the records that a full look shows is the session's.
func TestChoose(t *testing.T) {
	nodes := map[string]*node.Node{}
	var members []cluster.Member
	for _, id := range []string{"n1", "n2", "n3", "n4"} {
		nodes[id] = node.New(id, id, node.NewMemory(node.MemoryOptions{}), node.Options{EpochKey: "epoch"})
		if err := nodes[id].Probe(context.Background()); err != nil {
			t.Fatal(err)
		}
		members = append(members, cluster.Member{Node: nodes[id]})
	}
	// at is a record as a node has it, with copies everywhere, each written in its node's present epoch.
	at := func(id, home string, term, version uint64, writes ...uint64) sighting {
		rec := &record.Record{Term: term, Version: version, Home: home}
		for _, m := range members {
			rec.Copies = append(rec.Copies, record.Copy{Node: m.Node.ID(), Epoch: m.Node.Epoch()})
		}
		for _, w := range writes {
			rec.AddWrite(w, time.Now())
		}
		return sighting{node: id, rec: rec, token: 1}
	}
	// before is the same, written before a node lost what it had.
	before := func(lost string, s sighting) sighting {
		i := slices.IndexFunc(s.rec.Copies, func(c record.Copy) bool { return c.Node == lost })
		s.rec.Copies[i].Epoch++
		return s
	}
	// without is the same, with no copy on a node.
	without := func(id string, s sighting) sighting {
		s.rec.Copies = slices.DeleteFunc(s.rec.Copies, func(c record.Copy) bool { return c.Node == id })
		return s
	}
	// after is the same, claimed when a record of term 1 was the last that was seen.
	after := func(version, write uint64, s sighting) sighting {
		s.rec.EndTerm(record.Rank{Term: 1, Version: version, LastWrite: write})
		return s
	}
	missing := func(id string) sighting { return sighting{node: id} }
	for name, c := range map[string]struct {
		seen  sightings
		best  string // the node whose record it is
		home  string
		term  uint64
		claim bool
	}{
		"a later term beats a higher version": {
			sightings{at("n1", "n1", 1, 9, 1, 2), at("n2", "n2", 2, 5, 1, 3), missing("n3"), missing("n4")}, "n2", "n2", 2, false},
		"of one term the higher version": {
			sightings{at("n1", "n1", 1, 5, 1), at("n2", "n1", 1, 6, 1, 2), missing("n3"), missing("n4")}, "n2", "n1", 1, false},
		"not an attempt that the home overtook": {
			sightings{at("n1", "n1", 1, 5, 1, 3), at("n2", "n1", 1, 6, 1, 2), missing("n3"), missing("n4")}, "n1", "n1", 1, false},
		"an attempt, if there is nothing else": {
			sightings{at("n2", "n1", 1, 6, 1, 2), missing("n1"), missing("n3"), missing("n4")}, "n2", "n1", 1, false},
		"the home is silent: the copy becomes it, in a new term": {
			sightings{at("n2", "n1", 3, 6, 1), missing("n3"), missing("n4")}, "n2", "n2", 4, true},
		"the home is silent: a copy of its node's present epoch beats a newer one of an earlier epoch": {
			sightings{before("n2", at("n2", "n1", 1, 9, 1, 2)), at("n3", "n1", 1, 6, 1), missing("n4")}, "n3", "n3", 2, true},
		"the home is silent: a copy of an earlier epoch is better than none": {
			sightings{before("n2", at("n2", "n1", 1, 9, 1)), missing("n3"), missing("n4")}, "n2", "n2", 2, true},
		"the home is silent: not an attempt that got to one copy of two": {
			sightings{at("n2", "n1", 1, 6, 1, 2), at("n3", "n1", 1, 5, 1), missing("n4")}, "n3", "n3", 2, true},
		"the home has lost it: not an attempt that got to a node that had lost it too": {
			sightings{missing("n1"), at("n2", "n1", 1, 6, 1, 2), before("n2", at("n3", "n1", 1, 6, 1, 3)), missing("n4")}, "n3", "n1", 1, false},
		"of two claims of one term that which the nodes of the other have": {
			sightings{without("n2", at("n1", "n1", 2, 6, 1, 2)), without("n1", at("n2", "n3", 2, 6, 1, 3)), without("n1", at("n3", "n3", 2, 6, 1, 3))}, "n3", "n3", 2, false},
		"a claim that got to its home only": {
			sightings{after(5, 2, without("n1", at("n2", "n2", 2, 6, 1, 2, 3))), at("n1", "n1", 1, 5, 1, 2), at("n3", "n1", 1, 5, 1, 2), missing("n4")}, "n2", "n2", 2, false},
		"not a claim that came too late for a node that it names": {
			sightings{after(5, 2, without("n1", at("n2", "n2", 2, 6, 1, 2, 3))), at("n1", "n1", 1, 6, 1, 2, 4), at("n3", "n1", 1, 6, 1, 2, 4), missing("n4")}, "n1", "n1", 3, true},
		"not a claim that came too late for a node that it names, which shows it alone": {
			sightings{after(5, 2, without("n1", at("n2", "n2", 2, 6, 1, 2, 3))), at("n3", "n1", 1, 6, 1, 2, 4), missing("n4")}, "n3", "n3", 3, true},
		"not a claim that came too late, as the home of before shows": {
			sightings{after(5, 2, without("n1", at("n2", "n2", 2, 6, 1, 2, 3))), at("n1", "n1", 1, 6, 1, 2, 4), missing("n4")}, "n1", "n1", 3, true},
		"a claim that met nobody who could have written since": {
			sightings{after(5, 2, without("n4", without("n3", without("n1", at("n2", "n2", 2, 6, 1, 2, 3))))), without("n2", at("n1", "n1", 1, 6, 1, 2, 4)), missing("n4")}, "n2", "n2", 2, false},
		"of equals the home's own": {
			sightings{at("n2", "n1", 1, 6, 1), at("n1", "n1", 1, 6, 1), missing("n3"), missing("n4")}, "n1", "n1", 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := New(Config{Cluster: cluster.New(members), Backups: 1}).Open("token", "n1")
			f, err := a.choose(c.seen)
			if err != nil {
				t.Fatal(err)
			}
			best, _ := c.seen.of(c.best)
			if f.rec != best.rec || f.home != c.home || f.term != c.term || f.claim != c.claim {
				t.Errorf("%+v, home %s, term %d, claim %v; want that of %s, %s, %d, %v", f.rec, f.home, f.term, f.claim, c.best, c.home, c.term, c.claim)
			}
		})
	}
}
