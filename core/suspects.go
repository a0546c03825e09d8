package msm

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/counter"
	"github.com/gomsm/msm/core/internal/journal"
)

// suspects is what requests send in place of the id of a session, and when the log tells of that.
type suspects struct {
	idCounters
	refused, several alarm
}

// idCounters has the fields of IDStats.
type idCounters struct {
	Refused counter.Counter
	Unknown counter.Counter
	Several counter.Counter
}

// alarm limits how often something is logged that any stranger can do at any rate, and at which a request must not spend
// more than a look at the clock.
type alarm struct{ next atomic.Int64 }

// rings reports whether it is to be logged now.
func (a *alarm) rings() bool {
	now, next := time.Now().UnixNano(), a.next.Load()
	return now >= next && a.next.CompareAndSwap(next, now+int64(journal.Interval))
}

// refuse counts ids in a request that this application has not made.
func (s *suspects) refuse(log *journal.Journal, n int) {
	all := s.Refused.Add(uint64(n))
	if s.refused.rings() {
		log.LogAttrs(context.Background(), slog.LevelInfo, "requests have ids that this application has not made, or has not signed", slog.Uint64("sinceStart", all))
	}
}

// choose counts a request whose cookies name several sessions, so that none is believed (rule E13).
func (s *suspects) choose(log *journal.Journal) {
	all := s.Several.Add(1)
	if s.several.rings() {
		log.LogAttrs(context.Background(), slog.LevelWarn, "requests have cookies of several sessions, of which somebody may have planted one; none is believed; see docs/cookies.md",
			slog.Uint64("sinceStart", all))
	}
}
