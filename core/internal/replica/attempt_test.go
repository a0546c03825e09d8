package replica_test

import (
	"fmt"
	"testing"
)

func TestEveryCopyHasTheSameBytes(t *testing.T) {
	for _, backups := range []int{0, 1, 2} {
		t.Run(fmt.Sprint(backups, " backups"), func(t *testing.T) {
			w := newWorld(t, 4, backups)
			home, others := w.create()
			if len(others) != backups {
				t.Fatalf("backups on %v", others)
			}
			if _, err := w.store.Open(token, home).Write(t.Context(), set("2")); err != nil {
				t.Fatal(err)
			}
			want := string(w.stored(home).Append(nil))
			for _, id := range others {
				if string(w.stored(id).Append(nil)) != want {
					t.Errorf("%s differs", id)
				}
			}
		})
	}
}
