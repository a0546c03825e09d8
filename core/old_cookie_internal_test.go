package msm

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestAnOldCookieInMemory checks that a stale session, which an old cookie has brought into a sticky instance's memory,
// is not served to the newest cookie. The other instance is cut off from a node, and works around it. (Seed 500100 of
// the simulation of requests.)
func TestAnOldCookieInMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSplit(t, Config{Sticky: true, BackupSync: true, Backups: 1, MaxLocalSessions: 1})
		add := func(s *Session) { Update(s, "n", func(n int) int { return n + 1 }) }
		s.visit(1, "", add)
		old := s.newest
		id, _, _ := s.m[1].format.Parse(old)
		s.ways[tokenNode(id.Node)].Fail(off)
		s.visit(0, s.newest, add)
		s.visit(1, s.newest, add)
		newest := s.newest
		s.newest = ""
		s.visit(1, "", add) // another session, for which the first one leaves memory
		time.Sleep(time.Second)
		s.newest = newest
		s.count(1, old)
		if n := s.count(1, s.newest); n != 3 {
			t.Errorf("count %d by the newest cookie; want 3", n)
		}
	})
}
