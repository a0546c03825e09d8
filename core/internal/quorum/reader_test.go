package quorum

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/scenario"
)

// situation is what a scenario tells: a command, and the nodes, one a line.
type situation struct {
	command []string
	nodes   [][]string
}

// play plays each scenario of a file. It has one step, of which comes one line, the answer.
func play(t *testing.T, file string, answer func(t *testing.T, s *situation) string) {
	t.Helper()
	scenario.Play(t, file, func(t *testing.T, s *scenario.Scenario) {
		var tells situation
		for i, line := range s.Steps[0].Lines {
			if words := strings.Fields(line); i == 0 {
				tells.command = words
			} else {
				tells.nodes = append(tells.nodes, words)
			}
		}
		s.Steps[0].Gives(t, answer(t, &tells))
	})
}

// The words of a scenario. After the command:
//
//	first=n1     the node that was asked first; without it: n1
//	backups=1    without it: 1
//	met=n1,n2    where the record lies that this access has found before
//	retried      a node that had failed was asked again
//	held=2/7     the record that the caller holds, or has stored last; with the words of a record
//
// After a node's name comes what it had: silent, nothing, damaged, or a record's term/version. Words of a record:
//
//	home=n1      without it: n1
//	on=n1,n2     the nodes that it names; without it: all
//	lost=n1      one of these, which has another epoch by now
//	writes=1,2   the ids of the last writes; later: half a minute later
//	left=1/5/2   the rank of the record that its term began from
//	unsettled, tombstone
//
// Words of a node: down=10s, failed (in this request), late, suspect, owed, lacks=2/7@n1,n2 (which is owed), noepoch, and
// unlisted.

// present is the epoch that every node has.
const present = 1

// view returns what a scenario tells.
func (s *situation) view(t *testing.T) *View {
	t.Helper()
	v := &View{First: "n1", Backups: 1}
	for _, word := range s.command[1:] {
		switch name, value, _ := strings.Cut(word, "="); name {
		case "first":
			v.First = value
		case "backups":
			v.Backups = int(number(t, value))
		case "met":
			v.Met = copies(value, "")
		case "retried":
			v.Retried = true
		}
	}
	for _, words := range s.nodes {
		n, listed := readNode(t, words)
		if listed {
			v.Nodes = append(v.Nodes, n)
		}
		switch c := (CopyState{Node: n.ID}); words[1] {
		case "silent":
		case "nothing":
			v.Seen = append(v.Seen, c)
		case "damaged":
			c.Token = 1
			v.Seen = append(v.Seen, c)
		default:
			c.Token, c.Rec = 1, s.record(t, words[1:])
			v.Seen = append(v.Seen, c)
		}
	}
	return v
}

// readNode returns a listed node. It is false if the node is not listed.
func readNode(t *testing.T, words []string) (n Node, listed bool) {
	t.Helper()
	n = Node{ID: words[0], Available: true, Usable: true, Epoch: present}
	listed = true
	for _, word := range words[2:] {
		switch name, value, _ := strings.Cut(word, "="); name {
		case "down":
			n.Available, n.Usable, n.Down = false, false, life(t, value)
		case "failed":
			n.Usable = false
		case "late":
			n.Late = true
		case "suspect":
			n.Suspect = true
		case "owed":
			n.Debt.Owed = true
		case "lacks":
			rank, on, _ := strings.Cut(value, "@")
			n.Debt = Debt{true, Lack{readRank(t, rank), copies(on, "")}}
		case "noepoch":
			n.Epoch = 0
		case "unlisted":
			listed = false
		}
	}
	return n, listed
}

// held returns the record that the command names; nil: it names none.
func (s *situation) held(t *testing.T) *record.Record {
	t.Helper()
	for i, word := range s.command {
		if rank, ok := strings.CutPrefix(word, "held="); ok {
			return s.record(t, append([]string{rank}, s.command[i+1:]...))
		}
	}
	return nil
}

// record returns the record that some words tell, the first of which is its term and version.
func (s *situation) record(t *testing.T, words []string) *record.Record {
	t.Helper()
	rank := readRank(t, words[0])
	rec := &record.Record{Term: rank.Term, Version: rank.Version, Home: "n1"}
	var on []string
	for _, n := range s.nodes {
		on = append(on, n[0])
	}
	slices.Sort(on)
	named, lost := strings.Join(on, ","), ""
	at := time.Now()
	if slices.Contains(words, "later") {
		at = at.Add(30 * time.Second)
	}
	for _, word := range words[1:] {
		switch name, value, _ := strings.Cut(word, "="); name {
		case "home":
			rec.Home = value
		case "on":
			named = value
		case "lost":
			lost = value
		case "writes":
			for id := range strings.SplitSeq(value, ",") {
				rec.AddWrite(number(t, id), at)
			}
		case "left":
			rec.EndTerm(readRank(t, value))
		case "unsettled":
			rec.Unsettled = true
		case "tombstone":
			rec.Tombstone = true
		}
	}
	rec.Copies = copies(named, lost)
	return rec
}

// copies returns copies on some nodes, of which one has another epoch by now.
func copies(nodes, lost string) (list []record.Copy) {
	for id := range strings.SplitSeq(nodes, ",") {
		c := record.Copy{Node: id, Epoch: present}
		if id == lost {
			c.Epoch++
		}
		list = append(list, c)
	}
	return list
}

// readRank reads a term, a version and perhaps the id of the last write.
func readRank(t *testing.T, text string) (r record.Rank) {
	t.Helper()
	parts := strings.Split(text, "/")
	r.Term, r.Version = number(t, parts[0]), number(t, parts[1])
	if len(parts) > 2 {
		r.LastWrite = number(t, parts[2])
	}
	return r
}

func number(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func life(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// String returns the verdict's word.
func (x Verdict) String() string {
	return []string{"found", "gone", "ask again", "doubtful", "away", "damaged"}[x]
}

// tell returns a decision in words.
func tell(d *Decision) string {
	text := fmt.Sprintf("%d/%d", d.Rec.Term, d.Rec.Version)
	for _, c := range d.Seen {
		if c.Rec == d.Rec {
			text = c.Node + " has " + text
		}
	}
	text += fmt.Sprintf("; next is %d/%d on %s", d.Term, d.Top+1, d.Home)
	if d.Claim {
		text += ", a claim"
	}
	return text
}
