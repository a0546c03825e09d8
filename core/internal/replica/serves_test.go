package replica_test

import "testing"

// TestALogoutTellsWhoServesTheSession: G6. A sticky instance serves the session, and an instance that is not sticky writes it: it takes the
// route out of the record. That write gets to the backup only. A logout goes on from there, and tells the sticky instance all the same.
func TestALogoutTellsWhoServesTheSession(t *testing.T) {
	w := newWorld(t, 2, 1)
	home, backups := w.create()
	backup := backups[0]
	served := w.stored(home).Clone()
	served.Route = "r0"
	w.overwrite(home, served.Append(nil))
	attempt := w.stored(backup).Clone()
	attempt.Version++
	attempt.AddWrite(7, attempt.Created)
	w.overwrite(backup, attempt.Append(nil))
	w.mail("r0")
	if err := w.store.Open(token, backup).Destroy(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if len(w.mail("r0").list) == 0 {
		t.Error("nobody is told")
	}
}
