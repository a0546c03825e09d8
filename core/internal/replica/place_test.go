package replica_test

import "testing"

// TestAChangeOfPlacesIsAClaim: a write to other nodes than before has a new term, and goes to the home first, so that
// it outranks nothing when it gets only half way.
func TestAChangeOfPlacesIsAClaim(t *testing.T) {
	for name, failing := range map[string]func(home, backup string) string{
		"a backup is replaced": func(_, backup string) string { return backup },
		"the home is replaced": func(home, _ string) string { return home },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			home, backups := w.create()
			failed := failing(home, backups[0])
			w.servers[failed].Fail(off)
			access := w.store.Open(token, home)
			rec, err := access.Write(t.Context(), set("2"))
			if err != nil || rec.Term != 2 || !rec.Unsettled || !access.NeedsHeal() {
				t.Fatalf("%v, %+v", err, rec)
			}
			if _, named := rec.Copy(failed); named || access.Moved() != (failed == home) {
				t.Errorf("copies %v, moved %v", rec.Copies, access.Moved())
			}
			if err := w.store.Open(token, access.Home()).Heal(t.Context()); err != nil {
				t.Error(err)
			}
			if rec := w.stored(access.Home()); rec.Unsettled || rec.Term != 2 {
				t.Errorf("not settled: %+v", rec)
			}
		})
	}
}
