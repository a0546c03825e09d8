package replica_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAUseIsRecordedWhateverFails: a session never ends early, even if a node fails just when its use is recorded, or
// if someone else writes then who records no use.
func TestAUseIsRecordedWhateverFails(t *testing.T) {
	mute := nodetest.Only(nodetest.Writes(key), nodetest.Mute(1))
	for name, fail := range map[string]func(w *world, home, backup *nodetest.Server){
		"no fault":                    func(*world, *nodetest.Server, *nodetest.Server) {},
		"the backup refuses":          func(_ *world, _, backup *nodetest.Server) { backup.Fail(from(2, nodetest.ErrOff)) },
		"the backup's answer is lost": func(_ *world, _, backup *nodetest.Server) { backup.Fail(mute) },
		"the home's answer is lost":   func(_ *world, home, _ *nodetest.Server) { home.Fail(mute) },
		"somebody else writes at that moment": func(w *world, home, backup *nodetest.Server) {
			backup.Fail(nodetest.Once(nodetest.Writes(key), func() {
				backup.Fail(nil)
				if _, err := w.store.Open(token, home.ID()).Write(context.Background(), set("2")); err != nil {
					t.Error(err)
				}
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 3, 1)
				home, backups := w.create()
				time.Sleep(20 * time.Minute)
				fail(w, w.servers[home], w.servers[backups[0]])
				access := w.store.Open(token, home)
				due, err := access.Refresh(context.Background())
				if err != nil || due.Before(time.Now().Add(time.Minute)) {
					t.Fatalf("due in %v, %v", time.Until(due), err)
				}
				for _, c := range w.stored(access.Home()).Copies {
					if used := w.stored(c.Node).LastAccess; time.Since(used) > time.Second {
						t.Errorf("%s says that it was used %v ago", c.Node, time.Since(used))
					}
				}
			})
		})
	}
}

// TestAUseThatTheHomeDidNotTake: G9. A home whose memory is full answers reads, but its copy does not know of the last
// use. Another instance, which the newest cookie leads there, does not take the session to have expired.
func TestAUseThatTheHomeDidNotTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, 1)
		home, _ := w.create()
		w.servers[home].Fail(nodetest.Full())
		time.Sleep(20 * time.Minute)
		if _, err := w.store.Open(token, home).Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11*time.Minute + 31*time.Second) // the copy on the home has expired, and is still there
		if _, err := w.another([]string{"n1", "n2", "n3"}).Open(token, home).Load(t.Context()); err != nil {
			t.Errorf("twelve minutes after the last use: %v", err)
		}
	})
}
