package replica_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestNoticesAreBounded: what instances leave for each other on a node is the newest 512, of the last ten seconds.
func TestNoticesAreBounded(t *testing.T) {
	w := newWorld(t, 1, 0)
	begin := time.Now()
	leave := func(session int, at time.Time) {
		t.Helper()
		if err := w.store.Post(context.Background(), "n1", "a", replica.Notice{Session: uint64(session), At: at}); err != nil {
			t.Fatal(err)
		}
	}
	have := func() (sessions []uint64) {
		t.Helper()
		list, _, err := w.store.Notices(context.Background(), "n1", "a")
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range list {
			sessions = append(sessions, n.Session)
		}
		return sessions
	}
	for i := range 600 {
		leave(i, begin)
	}
	if got := have(); len(got) != 512 || got[0] != 88 || got[511] != 599 {
		t.Errorf("%d notices, from %d to %d; want the 512 newest of 600", len(got), got[0], got[len(got)-1])
	}
	leave(600, begin.Add(5*time.Second))
	leave(601, begin.Add(12*time.Second))
	if got := have(); !slices.Equal(got, []uint64{600, 601}) {
		t.Errorf("notices %v; want those of the last ten seconds", got)
	}
}

// TestObituaries: what is under their key is read as far as it is one; a rest is ignored.
func TestObituaries(t *testing.T) {
	w := newWorld(t, 3, 1)
	home, _ := w.create()
	var value []byte
	w.without(home, func() {
		if err := w.store.Open(token, home).Destroy(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		for _, s := range w.servers {
			if left := s.Value(replica.ObituaryKey("msm:")); left != nil {
				value = left
			}
		}
	})
	for _, c := range []struct {
		name  string
		value []byte
		want  int
	}{
		{"nothing", nil, 0},
		{"one", value, 1},
		{"one, and a piece of another", append(slices.Clone(value), value[:20]...), 1},
		{"two", append(slices.Clone(value), value...), 2},
		{"noise", []byte("noise"), 0},
	} {
		list := replica.ParseObituaries(c.value)
		if len(list) != c.want {
			t.Errorf("%s: %d obituaries; want %d", c.name, len(list), c.want)
		}
		for _, o := range list {
			if w.store.Short(o) != w.store.Open(token, "").Short() {
				t.Errorf("%s: %+v", c.name, o)
			}
		}
	}
}

// TestBury: the tombstone takes the place of an older copy on a node that it does not name, and of nothing else.
func TestBury(t *testing.T) {
	w := newWorld(t, 3, 1)
	home, _ := w.create()
	old := w.stored(home).Append(nil)
	w.without(home, func() {
		if err := w.store.Open(token, home).Destroy(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
	})
	w.probe()
	for _, c := range []struct {
		name   string
		there  []byte
		remain bool
	}{
		{"an older copy", old, false},
		{"something that is no record", []byte{record.FormatVersion, 255}, true},
	} {
		w.overwrite(home, c.there)
		if err := w.bury(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		value := w.servers[home].Value(key)
		if value == nil || bytes.Equal(value, c.there) != c.remain {
			t.Errorf("%s: the node has %q", c.name, value)
		}
	}
}

// bury does what an obituary asks for, from every node that has the tombstone.
func (w *world) bury() error {
	for id, s := range w.servers {
		for _, o := range replica.ParseObituaries(s.Value(replica.ObituaryKey("msm:"))) {
			if err := w.store.Bury(context.Background(), o.Session, id); err != nil {
				return fmt.Errorf("from %s: %w", id, err)
			}
		}
	}
	return nil
}
