package replica_test

import (
	"errors"
	"testing"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestASessionThatHasEndedBeforeItIsStored: G6. A sticky instance stores a session a moment after its client has got
// the cookie. Meanwhile someone may have ended the session by that cookie.
func TestASessionThatHasEndedBeforeItIsStored(t *testing.T) {
	w := newWorld(t, 3, 1)
	home, _ := w.create()
	if err := w.store.Open(token, home).Destroy(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Open(token, home).Create(t.Context(), session()); !errors.Is(err, replica.ErrNoSession) {
		t.Errorf("%v", err)
	}
	if !w.stored(home).Tombstone {
		t.Error("it is back")
	}
}

// TestAnAttemptThatIsReadDamaged: the first write of a new session has got to a node whose answers are damaged. The
// session begins all the same.
func TestAnAttemptThatIsReadDamaged(t *testing.T) {
	for name, times := range map[string]int{"once": 1, "each time": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			home, backups := w.create()
			w.servers[home].Evict(key)
			w.servers[backups[0]].Fail(nodetest.Only(nodetest.Reads("msm:s:"), nodetest.Damage(times)))
			stored, err := w.store.Open(token, "").Create(t.Context(), session())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range stored.Copies {
				if rec := w.stored(c.Node); rec == nil || rec.Rank() != stored.Rank() {
					t.Errorf("%s has %+v", c.Node, rec)
				}
			}
		})
	}
}
