package replica_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// revive is a change as the store of foreign values puts it: it also brings a session back that has ended.
func revive(value string, life time.Duration) replica.Change {
	return func(rec *record.Record) error {
		rec.Tombstone, rec.IdleTimeout, rec.Deadline = false, 0, time.Now().Add(life)
		return set(value)(rec)
	}
}

// TestPutWritesOverWhateverThereIs: also over that of which Write says that the session is gone.
func TestPutWritesOverWhateverThereIs(t *testing.T) {
	for name, before := range map[string]func(w *world){
		"nothing":          func(*world) {},
		"a live record":    func(w *world) { w.put("0", time.Hour) },
		"an expired one":   func(w *world) { w.put("0", time.Second); time.Sleep(2 * time.Second) },
		"a tombstone":      func(w *world) { w.put("0", time.Hour); w.destroy() },
		"an old tombstone": func(w *world) { w.put("0", time.Hour); w.destroy(); time.Sleep(time.Minute + time.Second) },
		"copies that are all damaged": func(w *world) {
			w.put("0", time.Hour)
			for id := range w.servers {
				if w.stored(id) != nil {
					w.overwrite(id, []byte{record.FormatVersion, 1, 2})
				}
			}
		},
		"a live record on a node that died": func(w *world) {
			w.put("0", time.Hour)
			w.servers[w.store.FirstNode(token)].Fail(off)
		},
		"a tombstone on a node that died": func(w *world) {
			w.put("0", time.Hour)
			w.destroy()
			w.servers[w.store.FirstNode(token)].Fail(off)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 3, 1)
				before(w)
				w.put("1", time.Hour)
				w.put("2", time.Hour)
				rec, err := w.store.Open(token, w.store.FirstNode(token)).Load(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if value, _ := rec.Get("n"); string(value) != "2" || len(rec.Copies) != 2 {
					t.Errorf("%s on %v", value, rec.Copies)
				}
			})
		})
	}
}

func TestAChangeCanRefuseToPut(t *testing.T) {
	refused := errors.New("refused")
	w := newWorld(t, 2, 1)
	_, err := w.store.Open(token, "n1").Put(t.Context(), func(*record.Record) error { return refused })
	if !errors.Is(err, refused) || w.stored("n1") != nil || w.stored("n2") != nil {
		t.Errorf("%v", err)
	}
}

func (w *world) put(value string, life time.Duration) {
	w.t.Helper()
	if _, err := w.store.Open(token, w.store.FirstNode(token)).Put(w.t.Context(), revive(value, life)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) destroy() {
	w.t.Helper()
	if err := w.store.Open(token, w.store.FirstNode(token)).Destroy(w.t.Context(), nil); err != nil {
		w.t.Fatal(err)
	}
}
