package replica

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// TestChoose checks which of the records that a full look shows counts as the session's.
func TestChoose(t *testing.T) {
	nodes := map[string]*node.Node{}
	var members []cluster.Member
	for _, id := range []string{"n1", "n2", "n3", "n4"} {
		nodes[id] = node.New(id, id, memcache.NewMemory(memcache.MemoryOptions{}), node.Options{EpochKey: "epoch"})
		if err := nodes[id].Probe(context.Background()); err != nil {
			t.Fatal(err)
		}
		members = append(members, cluster.Member{Node: nodes[id]})
	}
	// at returns a record as a node has it, with copies on all nodes, each written in its node's present epoch.
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
	// before returns the same, written before one of the nodes lost what it had.
	before := func(lost string, s sighting) sighting {
		i := slices.IndexFunc(s.rec.Copies, func(c record.Copy) bool { return c.Node == lost })
		s.rec.Copies[i].Epoch++
		return s
	}
	// without returns the same, with no copy on one of the nodes.
	without := func(id string, s sighting) sighting {
		s.rec.Copies = slices.DeleteFunc(s.rec.Copies, func(c record.Copy) bool { return c.Node == id })
		return s
	}
	// after returns the same, as a claim that began when the last record seen was that one of term 1.
	after := func(version, write uint64, s sighting) sighting {
		s.rec.EndTerm(record.Rank{Term: 1, Version: version, LastWrite: write})
		s.rec.Unsettled = true
		return s
	}
	// settled returns the same, after a plain write.
	settled := func(s sighting) sighting {
		s.rec.Unsettled = false
		return s
	}
	// halfAMinuteLater returns the same, with writes of half a minute later.
	halfAMinuteLater := func(s sighting) sighting {
		for i := range s.rec.Writes {
			s.rec.Writes[i].At = s.rec.Writes[i].At.Add(30 * time.Second)
		}
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
			seen: sightings{at("n1", "n1", 1, 9, 1, 2), at("n2", "n2", 2, 5, 1, 3), missing("n3"), missing("n4")}, best: "n2", home: "n2", term: 2},
		"of one term the higher version": {
			seen: sightings{at("n1", "n1", 1, 5, 1), at("n2", "n1", 1, 6, 1, 2), missing("n3"), missing("n4")}, best: "n2", home: "n1", term: 1},
		"not an attempt that the home overtook": {
			seen: sightings{at("n1", "n1", 1, 5, 1, 3), at("n2", "n1", 1, 6, 1, 2), missing("n3"), missing("n4")}, best: "n1", home: "n1", term: 1},
		"attempts upon attempts, so many that the last one has forgotten what the home has": {
			seen: sightings{at("n1", "n1", 1, 5, 1, 2), halfAMinuteLater(at("n2", "n1", 1, 9, 6, 7, 8, 9)), missing("n3"), missing("n4")}, best: "n2", home: "n1", term: 1},
		"not one that would remember what the home has, however many others tried meanwhile": {
			seen: sightings{at("n1", "n1", 1, 5, 1, 2), at("n2", "n1", 1, 9, 1, 7, 8, 9), missing("n3"), missing("n4")}, best: "n1", home: "n1", term: 1},
		"an attempt, if there is nothing else": {
			seen: sightings{at("n2", "n1", 1, 6, 1, 2), missing("n1"), missing("n3"), missing("n4")}, best: "n2", home: "n1", term: 1},
		"the home is silent: the copy becomes it, in a new term": {
			seen: sightings{at("n2", "n1", 3, 6, 1), missing("n3"), missing("n4")}, best: "n2", home: "n2", term: 4, claim: true},
		"the home is silent: a copy of its node's present epoch beats a newer one of an earlier epoch": {
			seen: sightings{before("n2", at("n2", "n1", 1, 9, 1, 2)), at("n3", "n1", 1, 6, 1), missing("n4")}, best: "n3", home: "n3", term: 2, claim: true},
		"the home is silent: a copy of an earlier epoch is better than none": {
			seen: sightings{before("n2", at("n2", "n1", 1, 9, 1)), missing("n3"), missing("n4")}, best: "n2", home: "n2", term: 2, claim: true},
		"the home is silent: not an attempt that got to one copy of two": {
			seen: sightings{at("n2", "n1", 1, 6, 1, 2), at("n3", "n1", 1, 5, 1), missing("n4")}, best: "n3", home: "n3", term: 2, claim: true},
		"the home has lost it: not an attempt that got to a node that had lost it too": {
			seen: sightings{missing("n1"), at("n2", "n1", 1, 6, 1, 2), before("n2", at("n3", "n1", 1, 6, 1, 3)), missing("n4")}, best: "n3", home: "n1", term: 1},
		"of two claims of one term that which the nodes of the other have": {
			seen: sightings{without("n2", at("n1", "n1", 2, 6, 1, 2)), without("n1", at("n2", "n3", 2, 6, 1, 3)), without("n1", at("n3", "n3", 2, 6, 1, 3))}, best: "n3", home: "n3", term: 2},
		"a claim that got to its home only": {
			seen: sightings{after(5, 2, without("n1", at("n2", "n2", 2, 6, 1, 2, 3))), at("n1", "n1", 1, 5, 1, 2), at("n3", "n1", 1, 5, 1, 2), missing("n4")}, best: "n2", home: "n2", term: 2},
		"not a claim that came too late for a node that it names": {
			seen: sightings{after(5, 2, without("n1", at("n2", "n2", 2, 6, 1, 2, 3))), without("n2", at("n1", "n1", 1, 6, 1, 2, 4)), without("n2", at("n3", "n1", 1, 6, 1, 2, 4)), missing("n4")}, best: "n1", home: "n1", term: 3, claim: true},
		"not a claim that came too late for a node that it names, which shows it alone": {
			seen: sightings{after(5, 2, without("n1", at("n2", "n2", 2, 6, 1, 2, 3))), without("n2", at("n3", "n1", 1, 6, 1, 2, 4)), missing("n4")}, best: "n3", home: "n3", term: 3, claim: true},
		"not a claim that came too late, as the home of before shows": {
			seen: sightings{after(5, 2, without("n1", at("n2", "n2", 2, 6, 1, 2, 3))), without("n2", at("n1", "n1", 1, 6, 1, 2, 4)), missing("n4")}, best: "n1", home: "n1", term: 3, claim: true},
		"a claim on its way to a node with an attempt, which has not got to another node of the claim's": {
			seen: sightings{
				after(5, 2, without("n3", at("n4", "n4", 3, 8, 1, 2, 3))), after(5, 2, without("n3", at("n2", "n4", 3, 8, 1, 2, 3))),
				without("n2", at("n1", "n3", 1, 6, 1, 2, 4)),
			}, best: "n4", home: "n4", term: 3},
		"not a claim that has passed over a term in which others went on": {
			seen: sightings{
				after(5, 2, without("n2", at("n3", "n3", 3, 7, 1, 2, 3))), without("n3", at("n1", "n4", 2, 8, 1, 2, 4, 5)),
				without("n3", at("n2", "n4", 2, 8, 1, 2, 4, 5)), without("n3", at("n4", "n4", 2, 8, 1, 2, 4, 5)),
			}, best: "n4", home: "n4", term: 4, claim: true},
		"a settled one, whatever is left of a claim of a term before": {
			seen: sightings{settled(after(6, 5, without("n2", at("n1", "n1", 3, 8, 1, 5, 6)))), after(5, 2, without("n1", at("n2", "n2", 2, 6, 1, 2, 3))), missing("n3"), missing("n4")},
			best: "n1", home: "n1", term: 3},
		"a claim that met nobody who could have written since": {
			seen: sightings{after(5, 2, without("n4", without("n3", without("n1", at("n2", "n2", 2, 6, 1, 2, 3))))), without("n2", at("n1", "n1", 1, 6, 1, 2, 4)), missing("n4")}, best: "n2", home: "n2", term: 2},
		"not two claims that came too late, each for another node": {
			seen: sightings{
				after(5, 2, without("n3", without("n1", at("n2", "n2", 2, 6, 1, 2, 3)))), without("n3", without("n2", at("n1", "n1", 1, 6, 1, 2, 4))),
				after(5, 2, without("n4", without("n2", at("n3", "n3", 2, 6, 1, 2, 5)))), without("n3", without("n2", at("n4", "n1", 1, 6, 1, 2, 4))),
			}, best: "n1", home: "n1", term: 3, claim: true},
		"of equals the home's own": {
			seen: sightings{at("n2", "n1", 1, 6, 1), at("n1", "n1", 1, 6, 1), missing("n3"), missing("n4")}, best: "n1", home: "n1", term: 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := New(Config{Cluster: cluster.New(members), Backups: 1}).Open("token", "n1")
			f, err := a.choose(c.seen)
			if err != nil {
				t.Fatal(err)
			}
			best, _ := c.seen.of(c.best)
			if f.rec != best.rec || f.home != c.home || f.term != c.term || f.claim != c.claim {
				t.Errorf("%+v, home %s, term %d, claim %v; want that of %s, %s, %d, %v",
					f.rec, f.home, f.term, f.claim, c.best, c.home, c.term, c.claim)
			}
		})
	}
}
