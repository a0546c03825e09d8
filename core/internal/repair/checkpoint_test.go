package repair

import (
	"reflect"
	"testing"

	"github.com/gomsm/msm/core/internal/sid"
)

// TestCheckpoint checks that a checkpoint is read as it was written, and that one of another generation, or nonsense,
// counts as none.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	for _, c := range []checkpoint{
		{generation: 1}, {generation: 0xfedcba98, ended: Done}, {generation: 7, ended: Done, without: []string{"n1", "n3"}}, {generation: 7, ended: Unlisted}, {generation: 7, cursor: sid.Hash{1, 2, 31: 3}},
	} {
		if got := parseCheckpoint(c.String(), c.generation); !reflect.DeepEqual(got, c) {
			t.Errorf("%q is read as %+v", c, got)
		}
		if got := parseCheckpoint(c.String(), c.generation+1); !reflect.DeepEqual(got, checkpoint{generation: c.generation + 1}) {
			t.Errorf("%q is read as %+v on another generation", c, got)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "no state": "00000007", "an unknown state": "00000007 running", "no hash": "00000007 after ",
		"a short hash": "00000007 after 01", "no hex": "00000007 after x", "no epoch": "done", "a long epoch": "100000007 done",
	} {
		if got := parseCheckpoint(text, 7); !reflect.DeepEqual(got, checkpoint{generation: 7}) {
			t.Errorf("%s is read as %+v", name, got)
		}
	}
}
