package nodetest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// world is a server with the value a = 1, and two clients.
type world struct {
	t            *testing.T
	s            *nodetest.Server
	mine, theirs *nodetest.Client
}

func inWorld(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		s := nodetest.New("n1")
		w := &world{t, s, s.Client("mine"), s.Client("theirs")}
		if err := w.mine.Add(t.Context(), "a", memcache.Item{Value: []byte("1")}, time.Hour); err != nil {
			t.Fatal(err)
		}
		test(w)
	})
}

// add adds a value with the first client, and returns the error as text.
func (w *world) add(key string) string {
	return fmt.Sprint(w.mine.Add(w.t.Context(), key, memcache.Item{Value: []byte("1")}, time.Hour))
}

func (w *world) get(key string) string {
	item, err := w.mine.Get(w.t.Context(), key)
	return fmt.Sprintf("%s %v", item.Value, err)
}

// expect checks an answer, and which keys the server has then.
func (w *world) expect(got, want string, keys ...string) {
	w.t.Helper()
	var there []string
	_ = w.s.Memory().Keys(context.Background(), "", func(key string) { there = append(there, key) })
	if slices.Sort(there); got != want || !slices.Equal(there, keys) {
		w.t.Errorf("%q, and the server has %q; want %q and %q", got, there, want, keys)
	}
}

// TestFaults checks what the caller sees, and what the server has afterwards.
func TestFaults(t *testing.T) {
	for name, test := range faults {
		t.Run(name, func(t *testing.T) { inWorld(t, test) })
	}
}

var faults = map[string]func(w *world){
	"a server that works": func(w *world) {
		w.expect(w.get("a"), "1 <nil>", "a")
		w.expect(w.add("b"), "<nil>", "a", "b")
	},
	"off": func(w *world) {
		w.s.Fail(nodetest.Refuse(nodetest.ErrOff))
		w.expect(w.add("b")+w.get("a"), "connection refused connection refused", "a")
	},
	"on again": func(w *world) {
		off := w.s.Fail(nodetest.Refuse(nodetest.ErrOff))
		before := w.s.Fail(off)
		w.expect(w.add("b"), "<nil>", "a", "b")
		w.s.Fail(before)
		w.expect(w.add("c"), "connection refused", "a", "b")
	},
	"one client is cut off": func(w *world) {
		w.theirs.Fail(nodetest.Refuse(nodetest.ErrOff))
		if _, err := w.theirs.Get(w.t.Context(), "a"); !errors.Is(err, nodetest.ErrOff) {
			w.t.Error(err)
		}
		w.expect(w.get("a"), "1 <nil>", "a")
	},
	"slow": func(w *world) {
		w.s.Fail(nodetest.Slow(time.Minute))
		began := time.Now()
		w.expect(w.add("b"), "<nil>", "a", "b")
		if took := time.Since(began); took != time.Minute {
			w.t.Error(took)
		}
	},
	"mute for two writes": func(w *world) {
		w.s.Fail(nodetest.Only(nodetest.Writes("m:"), nodetest.Mute(2)))
		w.expect(w.add("b")+w.get("a"), "<nil>1 <nil>", "a", "b")
		w.expect(w.add("m:1")+" "+w.add("m:2")+" "+w.add("m:3"), "i/o timeout i/o timeout <nil>", "a", "b", "m:1", "m:2", "m:3")
	},
	"full": func(w *world) {
		w.s.Fail(nodetest.Full())
		w.expect(w.add("b")+w.get("a"), "the node has no memory for it1 <nil>", "a")
	},
	"it loses every answer": func(w *world) {
		w.s.Fail(nodetest.Lossy(1, rand.New(rand.NewPCG(1, 1))))
		w.expect(w.add("b")+w.get("a"), "i/o timeout i/o timeout", "a", "b")
	},
	"a fault of the test's own, which keeps an operation for later": func(w *world) {
		var later func() error
		w.mine.Fail(func(_ context.Context, _ nodetest.Op, do func() error) error {
			later = do
			return nodetest.ErrLost
		})
		w.expect(w.add("b"), "i/o timeout", "a")
		w.expect(fmt.Sprint(later()), "<nil>", "a", "b")
	},
	"something happens before the first write": func(w *world) {
		w.s.Fail(nodetest.Once(nodetest.Of(nodetest.Add), func() { w.s.Restart(nil) }))
		w.expect(w.get("a"), "1 <nil>", "a")
		w.expect(w.add("b")+w.add("c"), "<nil><nil>", "b", "c")
	},
	"an operation that is over before it is sent": func(w *world) {
		ctx, cancel := context.WithCancel(w.t.Context())
		cancel()
		w.expect(fmt.Sprint(w.mine.Add(ctx, "b", memcache.Item{}, 0)), "context canceled", "a")
	},
}

// TestHalt checks that operations wait while the server is stopped, and are performed when it goes on, even if nobody
// waits any more.
func TestHalt(t *testing.T) {
	inWorld(t, func(w *world) {
		var halt nodetest.Halt
		w.s.Fail(halt.Fault)
		patient := make(chan string)
		go func() { patient <- w.get("a") }()
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
		defer cancel()
		w.expect(fmt.Sprint(w.mine.Add(ctx, "b", memcache.Item{Value: []byte("1")}, 0)), "context deadline exceeded", "a")
		time.Sleep(time.Minute)
		halt.GoOn(rand.New(rand.NewPCG(1, 0)))
		w.expect(<-patient, "1 <nil>", "a", "b")
		w.expect(w.add("c"), "<nil>", "a", "b", "c")
	})
}

// TestALossReplays checks that the same source loses the same answers, and performs what was held in the same order.
func TestALossReplays(t *testing.T) {
	play := func(seed uint64) (course string) {
		inWorld(t, func(w *world) {
			from := rand.New(rand.NewPCG(seed, 0))
			w.s.Fail(nodetest.Lossy(0.5, from))
			for i := range 20 {
				course += w.add(fmt.Sprint(i)) + " "
			}
			var halt nodetest.Halt
			for i := range 20 {
				halt.Hold(func() { course += fmt.Sprint(i, " ") })
			}
			halt.GoOn(from)
		})
		return course
	}
	if one := play(1); one != play(1) || one == play(2) {
		t.Errorf("%s\n%s\n%s", one, play(1), play(2))
	}
}

// TestRestart checks what the server has afterwards.
func TestRestart(t *testing.T) {
	for name, c := range map[string]struct {
		restart func(w *world)
		want    []string
	}{
		"empty":           {func(w *world) { w.s.Restart(nil) }, nil},
		"with all it had": {func(w *world) { w.s.Restart(w.s.Memory().Clone()) }, []string{"a", "b"}},
		"with what it had at an earlier moment": {func(w *world) {
			old := w.s.Memory().Clone()
			w.add("c")
			w.s.Evict("a")
			w.s.Restart(old)
		}, []string{"a", "b"}},
		"with what it had, of which some has expired": {func(w *world) {
			old := w.s.Memory().Clone()
			time.Sleep(2 * time.Hour)
			w.s.Restart(old)
		}, []string{"b"}},
		"not at all, but a value was evicted": {func(w *world) { w.s.Evict("a"); w.s.Evict("none") }, []string{"b"}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				if err := w.mine.Add(t.Context(), "b", memcache.Item{Value: []byte("2")}, 0); err != nil {
					t.Error(err)
				}
				c.restart(w)
				w.expect("", "", c.want...)
			})
		})
	}
}

// TestATokenOutlivesARestartWithValues checks that CAS tokens stay valid after a restart with data, as with memcached
// -e.
func TestATokenOutlivesARestartWithValues(t *testing.T) {
	inWorld(t, func(w *world) {
		item, err := w.mine.Get(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		w.s.Restart(w.s.Memory().Clone())
		if err := w.mine.CompareAndSwap(t.Context(), "a", item, 0); err != nil {
			t.Error(err)
		}
		if err := w.mine.CompareAndSwap(t.Context(), "a", item, 0); !errors.Is(err, memcache.ErrConflict) {
			t.Errorf("with the old token once more: %v", err)
		}
	})
}

// TestCount checks counts by client, kind and key. An operation that the server refuses counts; one that does not reach
// it does not.
func TestCount(t *testing.T) {
	inWorld(t, func(w *world) {
		ctx := t.Context()
		_, _ = w.theirs.GetMulti(ctx, "m:1", "a")
		_ = w.theirs.Keys(ctx, "m:", func(string) {})
		w.get("a")
		w.s.Fail(nodetest.Refuse(nodetest.ErrOff))
		w.get("m:1")
		_ = w.mine.CompareAndSwap(ctx, "m:2", memcache.Item{}, 0)
		w.mine.Fail(nodetest.Refuse(nodetest.ErrOff))
		w.get("m:1")
		for what, c := range map[string]struct {
			such func(nodetest.Op) bool
			want int
		}{
			"all":          {nodetest.Any, 6},
			"reads":        {nodetest.Reads(""), 3},
			"reads of m:":  {nodetest.Reads("m:"), 2},
			"writes":       {nodetest.Writes(""), 2},
			"writes of m:": {nodetest.Writes("m:"), 1},
			"theirs":       {func(o nodetest.Op) bool { return o.From == "theirs" }, 2},
			"lists":        {nodetest.Of(nodetest.List), 1},
		} {
			if got := w.s.Count(c.such); got != c.want {
				t.Errorf("%s: %d; want %d", what, got, c.want)
			}
		}
	})
}

// TestKeysAreSorted checks the order of keys, so that a scan over them is the same each time.
func TestKeysAreSorted(t *testing.T) {
	inWorld(t, func(w *world) {
		want := map[string]bool{"a": true}
		for i := range 100 {
			w.add(fmt.Sprint(i))
			want[fmt.Sprint(i)] = true
		}
		var got []string
		if err := w.mine.Keys(t.Context(), "", func(key string) { got = append(got, key) }); err != nil {
			t.Error(err)
		}
		if !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
			t.Error(got)
		}
	})
}
