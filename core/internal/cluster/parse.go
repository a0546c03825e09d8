package cluster

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Spec is one node as the configuration names it.
type Spec struct {
	ID       string // empty only for a single node given without one
	Address  string // host:port, [ipv6]:port or the path of a unix socket
	Failover bool   // used only when no other node is available
}

// Fault is what is wrong with one field of the configuration, and how to mend it.
type Fault struct{ Field, Text string }

// Parse reads a node list in MSM's syntax, "n1:host:port,n2:host:port", separated by commas, blanks or both; a
// single node may stand without id. failover lists ids. It answers every fault there is, of the fields Nodes and
// FailoverNodes.
func Parse(nodes, failover string) ([]Spec, []Fault) {
	var p parser
	if p.quoted("Nodes", nodes) || p.quoted("FailoverNodes", failover) {
		return nil, p.faults
	}
	entries := fields(glue.ReplaceAllString(nodes, "$1$2"))
	for _, entry := range entries {
		p.entry(entry, len(entries) > 1)
	}
	p.failover(fields(failover))
	return p.specs, p.faults
}

// glue is what no entry ends with, and the blanks that some write beside it.
var glue = regexp.MustCompile(`\s*(->|=>|=)\s*|(:)\s+`)

type parser struct {
	specs  []Spec
	faults []Fault
}

func (p *parser) fault(field, format string, args ...any) {
	p.faults = append(p.faults, Fault{field, fmt.Sprintf(format, args...)})
}

// quoted is a fault of a list as a whole: many an .env file or manifest is read with its quotes.
func (p *parser) quoted(field, list string) bool {
	if i := strings.IndexAny(list, "\"'`“”„‘’"); i >= 0 {
		r, _ := utf8.DecodeRuneInString(list[i:])
		p.fault(field, "has a quotation mark (%c) in it; leave them all out", r)
		return true
	}
	return false
}

func (p *parser) entry(entry string, several bool) {
	s, why := read(entry)
	shown := hide(entry)
	switch {
	case why != "":
		p.fault("Nodes", "%q: %s", shown, why)
	case s.ID == "" && several:
		p.fault("Nodes", "%q has no id; with several nodes each is written id:host:port", shown)
	}
	for _, other := range p.specs {
		sameID, sameServer := s.ID != "" && other.ID == s.ID, s.Address != "" && same(other.Address) == same(s.Address)
		switch {
		case sameID && sameServer:
			p.fault("Nodes", "%q stands there twice; leave one out", shown)
		case sameID:
			p.fault("Nodes", "id %q is used twice; each node needs its own", s.ID)
		case sameServer:
			p.fault("Nodes", "address %q is used twice; one server cannot hold both copies", s.Address)
		}
	}
	p.specs = append(p.specs, s)
}

func (p *parser) failover(ids []string) {
	for _, id := range ids {
		if !p.mark(id) {
			p.fault("FailoverNodes", "%q is no id of Nodes, %s", hide(id), p.ids())
		}
	}
	for _, s := range p.specs {
		if !s.Failover {
			return
		}
	}
	if len(p.specs) > 0 {
		p.fault("FailoverNodes", "names every node; at least one must be left for normal use")
	}
}

func (p *parser) mark(id string) bool {
	for i := range p.specs {
		if p.specs[i].ID == id {
			p.specs[i].Failover = true
			return true
		}
	}
	return false
}

// ids are those that there are.
func (p *parser) ids() string {
	var ids []string
	for _, s := range p.specs {
		if s.ID != "" {
			ids = append(ids, s.ID)
		}
	}
	if len(ids) == 0 {
		return "which has none"
	}
	return "which are " + strings.Join(ids, ", ")
}

func fields(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}
