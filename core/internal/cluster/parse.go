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
	ID       string // empty only if the list has a single node that is given without id
	Address  string // host:port, [ipv6]:port or the path of a unix socket
	Failover bool   // used only when no other node is available
}

// Fault says what is wrong with one field of the configuration, and how to mend it.
type Fault struct{ Field, Text string }

// Parse reads a node list in MSM's syntax: "n1:host:port,n2:host:port", separated by commas, blanks or both. A single
// node may have no id. failover lists ids of failover nodes. Parse returns all the faults that it finds in the fields
// Nodes and FailoverNodes; of a list with quotation marks it reports only those.
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

// glue matches the separators between id and address, with the blanks that some people write beside them. Those are
// removed.
var glue = regexp.MustCompile(`\s*(->|=>|=)\s*|(:)\s+`)

type parser struct {
	specs  []Spec
	faults []Fault
}

func (p *parser) fault(field, format string, args ...any) {
	p.faults = append(p.faults, Fault{field, fmt.Sprintf(format, args...)})
}

// quoted reports a list with quotation marks as one fault: many .env files and manifests are read with their quotes.
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

// ids names the ids in the list, for an error message.
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
