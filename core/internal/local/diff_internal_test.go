package local

import (
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// TestADifferenceHasTheSettings checks that a difference sets the session's settings where they differ, and leaves the
// others as another instance has made them.
func TestADifferenceHasTheSettings(t *testing.T) {
	base := &record.Record{IdleTimeout: time.Minute, Persist: time.Hour}
	elsewhere := record.Record{IdleTimeout: 3 * time.Minute, Persist: 3 * time.Hour}
	for name, c := range map[string]struct{ now, want record.Record }{
		"neither":          {*base, elsewhere},
		"the idle timeout": {record.Record{IdleTimeout: 2 * time.Minute, Persist: time.Hour}, record.Record{IdleTimeout: 2 * time.Minute, Persist: 3 * time.Hour}},
		"the cookie":       {record.Record{IdleTimeout: time.Minute, Persist: -1}, record.Record{IdleTimeout: 3 * time.Minute, Persist: -1}},
	} {
		rec := elsewhere
		if err := diff(base, &c.now, func() {})(&rec); err != nil || rec.IdleTimeout != c.want.IdleTimeout || rec.Persist != c.want.Persist {
			t.Errorf("%s: %+v, %v", name, rec, err)
		}
		if got := sameValues(base, &c.now); got != (name == "neither") {
			t.Errorf("%s: the same: %v", name, got)
		}
	}
}
