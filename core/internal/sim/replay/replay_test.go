package replay_test

import (
	"strings"
	"testing"

	"github.com/gomsm/msm/core/internal/sim/replay"
)

func TestDifference(t *testing.T) {
	for name, c := range map[string]struct {
		first, again string
		says         string // empty: they do not differ
	}{
		"the same":               {"a b c", "a b c", ""},
		"nothing twice":          {"", "", ""},
		"another line":           {"a b c", "a x c", "line 1"},
		"one more in the end":    {"a b", "a b c", "2 lines, and then 3"},
		"one less in the end":    {"a b c", "a b", "3 lines, and then 2"},
		"nothing the first time": {"", "a", "0 lines, and then 1"},
	} {
		got := replay.Difference(strings.Fields(c.first), strings.Fields(c.again))
		if (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
