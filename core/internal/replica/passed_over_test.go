package replica_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
)

// TestAnAttemptThatIsPassedOverTooSoon: G1. With two backups, a write has got to the first one when another instance, which cannot reach
// the session's home, makes a claim without it: the second backup shows that the write is not done. It gets there all the same, before
// the claim does, and is acknowledged.
func TestAnAttemptThatIsPassedOverTooSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4, 2)
		home, backups := w.create()
		other := w.another([]string{"n1", "n2", "n3", "n4"})
		var fourth string
		for id := range w.nodes { // the one that is none of the three
			if id != home && id != backups[0] && id != backups[1] {
				fourth = id
			}
		}
		if err := w.servers[fourth].Memory().Add(t.Context(), key, memcache.Item{Value: w.servers[home].Value(key), Flags: record.FormatVersion}, 0); err != nil {
			t.Fatal(err)
		}

		goOn, done := make(chan struct{}), make(chan error)
		w.servers[backups[1]].Fail(nodetest.Only(nodetest.Writes("msm:s:"), func(_ context.Context, _ nodetest.Op, do func() error) error {
			<-goOn
			return do()
		}))
		go func() {
			_, err := other.Open(token, home).Write(context.Background(), set("2"))
			done <- err
		}()
		synctest.Wait()

		w.servers[fourth].Fail(nodetest.Once(nodetest.Writes("msm:s:"), func() {
			close(goOn)
			if err := <-done; err != nil {
				t.Errorf("the write: %v", err)
			}
		}))
		w.nodes[home].MarkStale() // this instance has not reached it since
		_, err := w.store.Open(token, fourth).Write(t.Context(), func(rec *record.Record) error {
			next := rec.Draft()
			next.Set("m", []byte("1"))
			rec.Attributes = next.Attributes
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		rec, err := w.store.Open(token, fourth).Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := rec.Get("n"); string(n) != "2" {
			t.Errorf("the acknowledged write is lost: %s", n)
		}
		if _, has := rec.Get("m"); !has {
			t.Error("the other one is lost")
		}
	})
}
