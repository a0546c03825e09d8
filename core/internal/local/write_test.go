package local_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/record"
)

// TestAChangeThatCannotBeMade has three requests change a session in memory. Another instance stores something to which
// the second change cannot be made. That change is left out, with all that it does before it fails, and logged. The
// others are made.
func TestAChangeThatCannotBeMade(t *testing.T) {
	errClosed := errors.New("the order is closed")
	addItem := func(rec *record.Record) error {
		rec.Set("item", []byte("tea"))
		if _, closed := rec.Get("closed"); closed {
			return errClosed
		}
		return nil
	}
	inWorld(t, 2, 1, func(w *world) {
		var lines bytes.Buffer
		log := journal.New(slog.New(slog.NewTextHandler(&lines, nil)))
		former, present := w.start(local.Config{Route: "a", Log: log}), w.start(local.Config{Route: "b", Sync: true})
		s := former.begin("t")
		settle()
		taken, err := present.TakeOver(context.Background(), "t", nodeOf(s), "a")
		present.must(err)
		present.must(change(taken, put("closed", "yes")))
		for _, c := range []func(*record.Record) error{put("a", "1"), addItem, plus("n", 1)} {
			former.must(change(s, c))
		}
		if got := value(s, "item"); got != "tea" {
			t.Fatalf("in memory the item is %q", got)
		}
		settle()
		former.close() // so that nothing writes to the log any more
		log.Close()
		rec := w.stored(nodeOf(taken), "t")
		for name, want := range map[string]string{"closed": "yes", "a": "1", "item": "", "n": "2"} {
			if got, _ := rec.Get(name); string(got) != want {
				t.Errorf("%s = %q; want %q", name, got, want)
			}
		}
		if said := strings.Count(lines.String(), "a change could not be made"); said != 1 || !strings.Contains(lines.String(), errClosed.Error()) {
			t.Errorf("the log says so %d times:\n%s", said, &lines)
		}
	})
}
