package msm_test

import (
	"fmt"
	"sync"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestASlowReaderLeavesTheWritersValue checks that a reader does not store what it read long ago, as MSM did.
func TestASlowReaderLeavesTheWritersValue(t *testing.T) {
	t.Parallel()
	for mode, instances := range pairs {
		if mode == "two instances that lock" {
			continue // the writer waits there
		}
		t.Run(mode, func(t *testing.T) {
			m := instances(t)
			id := begin(t, m[0], func(s *msm.Session) { count.Set(s, 1) })
			visit(m[0], id, func(reader *msm.Session) {
				count.Get(reader)
				visit(m[len(m)-1], id, func(writer *msm.Session) { count.Set(writer, 2) })
				if count.Get(reader) != 1 {
					t.Error("the reader sees another value than before")
				}
				reader.Set("other", 1)
			})
			for _, m := range m {
				visit(m, id, func(s *msm.Session) {
					if count.Get(s) != 2 || !s.Has("other") {
						t.Errorf("count %d, %v", count.Get(s), s.Keys())
					}
				})
			}
		})
	}
}

// TestParallelRequestsLoseNothing: F-23, G5, without any lock.
func TestParallelRequestsLoseNothing(t *testing.T) {
	t.Parallel()
	list, _ := startServers(t, 2)
	instances := []*msm.Manager{newManager(t, msm.Config{Nodes: list}), newManager(t, msm.Config{Nodes: list})}
	id := begin(t, instances[0], func(s *msm.Session) { s.Set("first", true) })
	const n = 50
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			resp := visit(instances[i%2], id, func(s *msm.Session) {
				s.Set(fmt.Sprintf("a%d", i), i)
				add(s)
			})
			if resp.StatusCode != 200 {
				t.Errorf("request %d: %d", i, resp.StatusCode)
			}
		})
	}
	all.Wait()
	visit(instances[0], id, func(s *msm.Session) {
		if len(s.Keys()) != n+2 || count.Get(s) != n {
			t.Errorf("%d of %d attributes, count %d of %d", len(s.Keys())-2, n, count.Get(s), n)
		}
	})
}
