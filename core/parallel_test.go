package msm_test

import (
	"flag"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

var races = flag.Int("races", 400, "how often TestALogoutAmongSlowWriters has a writer and a logout meet; make soak: 10000")

// TestALogoutAmongSlowWriters: F-24, G6. Again and again a slow writer and a logout of one session meet, in two
// instances. The session never comes back.
func TestALogoutAmongSlowWriters(t *testing.T) {
	t.Parallel()
	for mode, config := range map[string]msm.Config{
		"non-sticky":         {},
		"non-sticky, locked": {Locking: msm.LockAll, LockWait: patience},
		"sticky, async":      {Sticky: true},
		"sticky, sync":       {Sticky: true, BackupSync: true},
	} {
		t.Run(mode, func(t *testing.T) {
			config.Nodes, _ = startServers(t, 2)
			writes, logsOut := newManager(t, config), newManager(t, config)
			if config.Sticky {
				logsOut = writes
			}
			var back, late atomic.Int64
			parallel(8, func(int) {
				for range *races / 8 {
					id := begin(t, writes, func(s *msm.Session) { add(s) })
					done := make(chan struct{})
					go func() {
						defer close(done)
						resp := visit(writes, id, func(s *msm.Session) {
							count.Get(s)
							time.Sleep(rand.N(500 * time.Microsecond))
							add(s)
						})
						if resp.StatusCode != 200 {
							late.Add(1)
						}
					}()
					time.Sleep(rand.N(500 * time.Microsecond))
					if resp := visit(logsOut, id, func(s *msm.Session) { s.Destroy() }); resp.StatusCode != 200 {
						t.Errorf("logout: %d", resp.StatusCode)
					}
					<-done
					for _, m := range []*msm.Manager{writes, logsOut} {
						visit(m, id, func(s *msm.Session) {
							if !s.IsNew() {
								back.Add(1)
							}
						})
					}
				}
			})
			if back.Load() > 0 {
				t.Errorf("%d of %d came back", back.Load(), *races)
			}
			t.Logf("%d of %d writers were too late", late.Load(), *races)
		})
	}
}

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
