package cluster

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/gomsm/msm/core/internal/sid"
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
	entries := fields(nodes)
	for _, entry := range entries {
		p.entry(entry, len(entries) > 1)
	}
	p.failover(fields(failover))
	return p.specs, p.faults
}

type parser struct {
	specs  []Spec
	faults []Fault
}

func (p *parser) fault(field, format string, args ...any) {
	p.faults = append(p.faults, Fault{field, fmt.Sprintf(format, args...)})
}

func (p *parser) entry(entry string, several bool) {
	id, address := split(entry)
	if id == "" && several {
		p.fault("Nodes", "%q has no id; with several nodes each is written id:host:port", entry)
	}
	if id != "" && !sid.ValidNode(id) {
		p.fault("Nodes", "%q: id %q must be 1 to 32 letters, digits or underscores", entry, id)
	}
	if why := badAddress(address); why != "" {
		p.fault("Nodes", "%q: %s", entry, why)
	}
	for _, s := range p.specs {
		if id != "" && s.ID == id {
			p.fault("Nodes", "id %q is used twice; each node needs its own", id)
		}
		if s.Address == address {
			p.fault("Nodes", "address %q is used twice; one server cannot hold both copies", address)
		}
	}
	p.specs = append(p.specs, Spec{ID: id, Address: address})
}

func (p *parser) failover(ids []string) {
	for _, id := range ids {
		if !p.mark(id) {
			p.fault("FailoverNodes", "%q is no id of Nodes", id)
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

// split parts an entry into id and address. What stands before the first colon is an id unless only a port follows it:
// "cache:11211" is an address, "n1:cache" an id and an address without port.
func split(entry string) (id, address string) {
	before, after, found := strings.Cut(entry, ":")
	if !found || before == "" || before[0] == '[' || before[0] == '/' || onlyDigits(after) {
		return "", entry
	}
	return before, after
}

func onlyDigits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

func badAddress(address string) string {
	if strings.HasPrefix(address, "/") {
		return ""
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		if strings.Contains(err.Error(), "too many colons") {
			return "an IPv6 address stands in brackets: id:[::1]:11211"
		}
		return "the port is missing; write id:host:port"
	}
	if host == "" {
		return "the host is missing; write id:host:port"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Sprintf("port %q must be a number from 1 to 65535; write id:host:port", port)
	}
	return ""
}

func fields(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' })
}
