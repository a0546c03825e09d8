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
		"lines, and a comma after the last one": {"\n  n1:a:1,\r\n  n2:b:2,\n", "n2,", []cluster.Spec{
			{ID: "n1", Address: "a:1"}, {ID: "n2", Address: "b:2", Failover: true}}},
		"a blank that is none in ASCII":    {"n1:a:1\u00a0n2:b:2", "", []cluster.Spec{{ID: "n1", Address: "a:1"}, {ID: "n2", Address: "b:2"}}},
		"a blank after the id, as in YAML": {"n1: a:1\nn2: b:2", "", []cluster.Spec{{ID: "n1", Address: "a:1"}, {ID: "n2", Address: "b:2"}}},
		"an id in upper case":              {"N1:a:1,n1:b:2", "N1", []cluster.Spec{{ID: "N1", Address: "a:1", Failover: true}, {ID: "n1", Address: "b:2"}}},
		"names that no one else would have": {"n1:cache_1.x-y.:1 n2:münchen:1 n3:[fe80::1%eth0]:1", "", []cluster.Spec{
			{ID: "n1", Address: "cache_1.x-y.:1"}, {ID: "n2", Address: "münchen:1"}, {ID: "n3", Address: "[fe80::1%eth0]:1"}}},
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
		want            []string // parts of the faults, in order
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

// TestWhatIsWrittenInOtherLists checks that each entry gets a single fault, which names the entry and says what to
// write.
func TestWhatIsWrittenInOtherLists(t *testing.T) {
	for nodes, want := range map[string]string{
		"redis://cache1:6379":               `"redis://cache1:6379": that is another kind of server; nodes are memcached servers, written id:host:port`,
		"n1:rediss://:secret@cache1:6379":   `"n1:rediss://...@cache1:6379": that is another kind of server; nodes are memcached servers, written id:host:port`,
		"memcached://cache1:11211":          `"memcached://cache1:11211": a node is no URL; write id:cache1:11211`,
		"n1=memcached://u:secret@a:1/x?y":   `"n1=memcached://...@a:1/x?y": a node is no URL; write n1:a:1`,
		"n1:tcp://cache1:11211":             `"n1:tcp://cache1:11211": a node is no URL; write n1:cache1:11211`,
		"HTTP://cache1:11211/":              `"HTTP://cache1:11211/": a node is no URL; write id:cache1:11211`,
		"n1:tls://cache1:11211":             `"n1:tls://cache1:11211": a node is no URL; write n1:cache1:11211, and set Config.TLS (MSM_TLS_CA)`,
		"n1:unix:///run/memcached.sock":     `"n1:unix:///run/memcached.sock": a node is no URL; write n1:/run/memcached.sock`,
		"n1=cache1:11211":                   `"n1=cache1:11211": a colon stands after the id; write n1:cache1:11211`,
		"n1->cache1:11211":                  `"n1->cache1:11211": a colon stands after the id; write n1:cache1:11211`,
		"n1 => cache1:11211":                `"n1=>cache1:11211": a colon stands after the id; write n1:cache1:11211`,
		"=cache1:11211":                     `"=cache1:11211": a colon stands after the id; write id:cache1:11211`,
		"n1=u:secret@cache1:11211":          `"...@cache1:11211": a colon stands after the id; write n1:...@cache1:11211`,
		"n1:a:1;n2:b:2":                     `"n1:a:1;n2:b:2": nodes are separated by commas or blanks`,
		"n1:a:1|n2:b:2":                     `"n1:a:1|n2:b:2": nodes are separated by commas or blanks`,
		`"n1:a:1,n2:b:2"`:                   `has a quotation mark (") in it; leave them all out`,
		"'n1:a:1' 'n2:b:2'":                 `has a quotation mark (') in it; leave them all out`,
		"“n1:a:1”":                          `has a quotation mark (“) in it; leave them all out`,
		"cache1":                            `"cache1": the port is missing; write id:host:port`,
		"n1:a:1 n2":                         `"n2": the port is missing; write id:host:port`,
		"n1:cache1":                         `"n1:cache1": the port is missing; write id:host:port`,
		"n1:cache1:":                        `"n1:cache1:": the port is missing; write id:host:port`,
		"n1:[::1]":                          `"n1:[::1]": an IPv6 address stands in brackets, and its port after them: id:[::1]:11211`,
		"11211":                             `"11211": the host is missing; write id:host:port`,
		":11211":                            `":11211": the host is missing; write id:host:port`,
		"::1":                               `"::1": an IPv6 address stands in brackets, and its port after them: id:[::1]:11211`,
		"n1:::ffff:10.0.0.1:11211":          `"n1:::ffff:10.0.0.1:11211": an IPv6 address stands in brackets, and its port after them: id:[::1]:11211`,
		"n1:[::1:11211":                     `"n1:[::1:11211": an IPv6 address stands in brackets, and its port after them: id:[::1]:11211`,
		"n1:cache1:port:11211":              `"n1:cache1:port:11211": there is more than an id, a host and a port; write id:host:port`,
		"cache1:11211:1":                    `"cache1:11211:1": host "11211" is a number; write id:host:port`,
		"n1:cache1:memcached":               `"n1:cache1:memcached": port "memcached" must be a number from 1 to 65535; write id:host:port`,
		"n1:cache1:65536":                   `"n1:cache1:65536": port "65536" must be a number from 1 to 65535; write id:host:port`,
		"n1:cache1:-1":                      `"n1:cache1:-1": port "-1" must be a number from 1 to 65535; write id:host:port`,
		"n1:${CACHE}:11211":                 `"n1:${CACHE}:11211": "${CACHE}" is no name of a host; write id:host:port`,
		"n1:u:secret@cache1:11211":          `"...@cache1:11211": there is more than an id, a host and a port; write id:host:port`,
		"n1:secret@cache1:11211":            `"...@cache1:11211": "...@cache1" is no name of a host; write id:host:port`,
		"u:secret@cache1":                   `"...@cache1": the port is missing; write id:host:port`,
		"n1:u:secret@cache1":                `"...@cache1": port "...@cache1" must be a number from 1 to 65535; write id:host:port`,
		"n1:a:1,n1:a:1":                     `"n1:a:1" stands there twice; leave one out`,
		"n1:a:1,n1:b:1":                     `id "n1" is used twice; each node needs its own`,
		"n1:cache1:11211,n2:Cache1.:011211": `address "Cache1.:011211" is used twice; one server cannot hold both copies`,
		"n1:[::1]:1,n2:[0:0::1]:1":          `address "[0:0::1]:1" is used twice; one server cannot hold both copies`,
		"n1:10.0.0.1:1,n2:[::ffff:a00:1]:1": `address "[::ffff:a00:1]:1" is used twice; one server cannot hold both copies`,
	} {
		t.Run(nodes, func(t *testing.T) {
			_, faults := cluster.Parse(nodes, "")
			if len(faults) != 1 || faults[0] != (cluster.Fault{Field: "Nodes", Text: want}) {
				t.Errorf("%v; want %s", faults, want)
			}
		})
	}
	for failover, want := range map[string]string{
		"N1":       `"N1" is no id of Nodes, which are n1, n2`,
		"n1:a:1":   `"n1:a:1" is no id of Nodes, which are n1, n2`,
		"n1;n2":    `"n1;n2" is no id of Nodes, which are n1, n2`,
		"'n1'":     `has a quotation mark (') in it; leave them all out`,
		"s@n1":     `"...@n1" is no id of Nodes, which are n1, n2`,
		"n1,n1,n9": `"n9" is no id of Nodes, which are n1, n2`,
	} {
		_, faults := cluster.Parse("n1:a:1,n2:b:2", failover)
		if len(faults) != 1 || faults[0] != (cluster.Fault{Field: "FailoverNodes", Text: want}) {
			t.Errorf("%s: %v; want %s", failover, faults, want)
		}
	}
	if _, faults := cluster.Parse("a:1", "a"); len(faults) != 1 || faults[0].Text != `"a" is no id of Nodes, which has none` {
		t.Errorf("%v", faults)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"n1:a:1,n2:b:2", "[::1]:1", "n1:[::1]:1 n2:/x", "::::", "a", "n1:a:1,,\x00", "n1=tcp://secret@a:1/x", "n1: a:1;b", "'n1'", "n1->a", "n1:[::1", "a:1:2@"} {
		f.Add(seed, "n1")
	}
	f.Fuzz(func(t *testing.T, nodes, failover string) {
		specs, faults := cluster.Parse(nodes, failover)
		for _, f := range faults {
			if strings.Contains(f.Text, "://secret@") {
				t.Errorf("%q: a fault tells a password: %v", nodes, f)
			}
		}
		ids, addresses := map[string]bool{}, map[string]bool{}
		for _, s := range specs {
			if len(faults) == 0 && (ids[s.ID] || addresses[s.Address]) {
				t.Errorf("%q: %v twice without a fault", nodes, s)
			}
			ids[s.ID], addresses[s.Address] = true, true
		}
	})
}
