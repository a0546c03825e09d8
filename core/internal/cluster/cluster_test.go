package cluster_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
)

func members(failover map[string]bool, ids ...string) []cluster.Member {
	var list []cluster.Member
	for _, id := range ids {
		n := node.New(id, id, memcache.NewMemory(memcache.MemoryOptions{}), node.Options{})
		list = append(list, cluster.Member{Node: n, Failover: failover[id]})
	}
	return list
}

func ids(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("n%d", i+1))
	}
	return list
}

func first(c *cluster.Cluster, key int) string {
	return c.Ranking(fmt.Sprintf("key%d", key))[0].ID()
}

func TestRankingIsFair(t *testing.T) {
	const keys = 10_000
	for n := 2; n <= 20; n++ {
		c, got := cluster.New(members(nil, ids(n)...)), map[string]int{}
		for i := range keys {
			got[first(c, i)]++
		}
		share := float64(keys) / float64(n)
		for id, k := range got {
			if off := math.Abs(float64(k)-share) / math.Sqrt(share); off > 4.5 { // standard deviations
				t.Errorf("%d nodes: %s is first for %d of %d keys, fair is %.0f", n, id, k, keys, share)
			}
		}
	}
}

func TestAddingANodeMovesOnlyWhatItTakes(t *testing.T) {
	three, four := cluster.New(members(nil, ids(3)...)), cluster.New(members(nil, ids(4)...))
	moved := 0
	for i := range 10_000 {
		if a, b := first(three, i), first(four, i); a != b {
			moved++
			if b != "n4" {
				t.Fatalf("key %d moved from %s to %s", i, a, b)
			}
		}
	}
	if moved < 2200 || moved > 2800 {
		t.Errorf("%d of 10,000 moved; a quarter is fair", moved)
	}
}

func TestOrderOfConfigurationDoesNotMatter(t *testing.T) {
	a, b := cluster.New(members(nil, "n1", "n2", "n3")), cluster.New(members(nil, "n3", "n1", "n2"))
	for i := range 1000 {
		if first(a, i) != first(b, i) {
			t.Fatalf("key %d", i)
		}
	}
}

func TestFailoverNodesRankLast(t *testing.T) {
	c := cluster.New(members(map[string]bool{"n1": true, "n2": true}, ids(5)...))
	for i := range 1000 {
		for place, n := range c.Ranking(fmt.Sprint(i)) {
			if failover := n.ID() == "n1" || n.ID() == "n2"; failover != (place >= 3) {
				t.Fatalf("key %d: %s is at place %d", i, n.ID(), place)
			}
		}
	}
}

func BenchmarkRanking(b *testing.B) {
	c := cluster.New(members(nil, ids(3)...))
	b.ReportAllocs()
	for b.Loop() {
		c.Ranking("msm:s:AGxz_CcRTW1UxiWMzIsKKT5P3LaOBaJjn2oSzSMw3LQ")
	}
}
