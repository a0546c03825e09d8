package cluster_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomsm/msm/core/internal/cluster"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		nodes, failover string
		want            []cluster.Spec
	}{
		"nothing is no node": {"", "", nil},
		"MSM's own form": {"n1:cache1:11211,n2:cache2:11211", "", []cluster.Spec{
			{ID: "n1", Address: "cache1:11211"}, {ID: "n2", Address: "cache2:11211"}}},
		"blanks, also after a comma (MSM refuses them)": {" n1:a:1,  n2:b:2\tn3:c:3 ", "", []cluster.Spec{
			{ID: "n1", Address: "a:1"}, {ID: "n2", Address: "b:2"}, {ID: "n3", Address: "c:3"}}},
		"a single node needs no id":  {"cache:11211", "", []cluster.Spec{{Address: "cache:11211"}}},
		"a single node may have one": {"n1:cache:11211", "", []cluster.Spec{{ID: "n1", Address: "cache:11211"}}},
		"IPv6 in brackets": {"n1:[::1]:11211,n2:[fe80::1]:2", "", []cluster.Spec{
			{ID: "n1", Address: "[::1]:11211"}, {ID: "n2", Address: "[fe80::1]:2"}}},
		"a single IPv6 address without id": {"[::1]:11211", "", []cluster.Spec{{Address: "[::1]:11211"}}},
		"unix sockets": {"n1:/run/a.sock n2:/run/b.sock", "", []cluster.Spec{
			{ID: "n1", Address: "/run/a.sock"}, {ID: "n2", Address: "/run/b.sock"}}},
		"failover nodes, comma and blank (MSM refuses them)": {"n1:a:1 n2:b:2 n3:c:3", "n1, n3", []cluster.Spec{
			{ID: "n1", Address: "a:1", Failover: true}, {ID: "n2", Address: "b:2"}, {ID: "n3", Address: "c:3", Failover: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, faults := cluster.Parse(c.nodes, c.failover)
			if len(faults) > 0 || !slices.Equal(got, c.want) {
				t.Errorf("Parse(%q, %q) = %v, %v; want %v", c.nodes, c.failover, got, faults, c.want)
			}
		})
	}
}

func TestParseNamesEveryFaultAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		nodes, failover string
		want            []string // each in a fault of its own, in order
	}{
		"missing port":                       {"n1:cache1,n2:b:2", "", []string{`"n1:cache1": the port is missing`}},
		"no port at all":                     {"cache1", "", []string{"port is missing"}},
		"port out of range":                  {"n1:a:70000", "", []string{`port "70000"`}},
		"port zero":                          {"n1:a:0", "", []string{`port "0"`}},
		"host missing":                       {"n1::11211", "", []string{"host is missing"}},
		"IPv6 without brackets":              {"n1:fe80::1:11211", "", []string{"in brackets"}},
		"several nodes without ids":          {"a:1,b:2", "", []string{`"a:1" has no id`, `"b:2" has no id`}},
		"duplicate id":                       {"n1:a:1,n1:b:2", "", []string{`id "n1" is used twice`}},
		"duplicate address":                  {"n1:a:1,n2:a:1", "", []string{`address "a:1" is used twice`}},
		"bad id characters":                  {"n-1:a:1,n.2:b:2", "", []string{`id "n-1"`, `id "n.2"`}},
		"unknown failover id":                {"n1:a:1,n2:b:2", "n3", []string{`"n3" is no id`}},
		"all nodes are failover nodes":       {"n1:a:1,n2:b:2", "n1,n2", []string{"names every node"}},
		"the only node is a failover node":   {"n1:a:1", "n1", []string{"names every node"}},
		"a failover node, but no node":       {"", "n1", []string{`"n1" is no id`}},
		"five faults in one list, all named": {"n1:a:1,n1:b,c:3,x!:a:1", "n9", []string{`"n1:b": the port is missing`, `id "n1" is used twice`, `"c:3" has no id`, `id "x!"`, `address "a:1"`, `"n9"`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, faults := cluster.Parse(c.nodes, c.failover)
			all := ""
			for _, f := range faults {
				all += f.Field + ": " + f.Text + "\n"
			}
			for _, want := range c.want {
				if !strings.Contains(all, want) {
					t.Errorf("no fault says %q; all of them:\n%s", want, all)
				}
			}
			if len(faults) == 0 {
				t.Error("no fault")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"n1:a:1,n2:b:2", "[::1]:1", "n1:[::1]:1 n2:/x", "::::", "a", "n1:a:1,,\x00"} {
		f.Add(seed, "n1")
	}
	f.Fuzz(func(t *testing.T, nodes, failover string) {
		specs, faults := cluster.Parse(nodes, failover)
		ids, addresses := map[string]bool{}, map[string]bool{}
		for _, s := range specs {
			if len(faults) == 0 && (ids[s.ID] || addresses[s.Address]) {
				t.Errorf("%q: %v twice without a fault", nodes, s)
			}
			ids[s.ID], addresses[s.Address] = true, true
		}
	})
}
