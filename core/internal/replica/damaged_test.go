package replica_test

import (
	"context"
	"testing"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestWhatIsReadDamagedIsNotWrittenOver: a backup has a write that its writer is about to put on the home, too, so that
// it is acknowledged. An instance that reads it damaged must not take the backup for empty.
func TestWhatIsReadDamagedIsNotWrittenOver(t *testing.T) {
	for name, thorough := range map[string]bool{"by who looks at the backup when he writes": false, "by who looks at all nodes": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			home, backups := w.create()
			other := w.stored(home)
			other.Version++
			other.AddWrite(11, other.LastAccess)
			a := w.store.Open(token, home)
			if thorough {
				a = w.store.Open(token, "n9")
			}
			w.overwrite(backups[0], other.Append(nil))
			w.servers[backups[0]].Fail(nodetest.Only(nodetest.Reads("msm:s:"), nodetest.Damage(1)))
			rec, err := a.Write(context.Background(), set("2"))
			if err != nil {
				t.Fatal(err)
			}
			if !rec.HasWrite(11) {
				t.Errorf("what has been written descends from %v, and not from what the backup had", rec.Writes)
			}
		})
	}
}
