package local_test

import (
	"context"
	"testing"

	"github.com/gomsm/msm/core/internal/local"
)

// TestAttributesThatStay checks that attributes that stay here are never stored, and do not get lost when others are.
func TestAttributesThatStay(t *testing.T) {
	for _, sync := range []bool{false, true} {
		inWorld(t, 1, 0, func(w *world) {
			a := w.start(local.Config{Sync: sync, MemoryOnly: func(name string) bool { return name == "here" }})
			s := a.begin("t")
			settle()
			before := w.count(writes)
			a.must(change(s, put("here", "x")))
			settle()
			if n := w.count(writes); n != before {
				t.Error("it was written")
			}
			a.must(change(s, plus("n", 1)))
			settle()
			a.must(change(s, plus("n", 1)))
			settle()
			if value(s, "here") != "x" || value(s, "n") != "3" {
				t.Errorf("here = %q, n = %s", value(s, "here"), value(s, "n"))
			}
			w.wantStored("t", "n1", "n", "3")
			w.wantStored("t", "n1", "here", "")
			next, err := s.Renew(context.Background(), renewal(a, s, "u"))
			a.must(err)
			if value(next, "here") != "x" {
				t.Error("it got lost by a new id")
			}
		})
	}
}
