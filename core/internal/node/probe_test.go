package node_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAProbeTellsWhatElseIsThere checks that OnProbe is called for every successful probe, and for no other.
func TestAProbeTellsWhatElseIsThere(t *testing.T) {
	s := nodetest.New("n1")
	var told []map[string]memcache.Item
	n := s.Node(s.Client(""), node.Options{
		EpochKey: "epoch", Watch: []string{"a", "b"}, OnProbe: func(_ *node.Node, also map[string]memcache.Item, _ time.Time) { told = append(told, also) },
	})
	mustProbe(t, n) // there are no values yet
	if err := s.Memory().Add(t.Context(), "b", memcache.Item{Value: []byte("x")}, 0); err != nil {
		t.Fatal(err)
	}
	mustProbe(t, n)
	s.Fail(nodetest.Refuse(nodetest.ErrLost))
	if err := n.Probe(t.Context()); err == nil {
		t.Error("a probe of a node that is off ends well")
	}
	if len(told) != 2 || len(told[0]) != 0 || len(told[1]) != 1 || string(told[1]["b"].Value) != "x" {
		t.Errorf("%v", told)
	}
}

// TestAProbeThatIsCalledOff checks that a cancelled probe, as at the end of the program, is no failure of the node.
func TestAProbeThatIsCalledOff(t *testing.T) {
	n, s := newNode(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.Fail(cancelled(cancel))
	if err := n.Probe(ctx); !errors.Is(err, context.Canceled) || !n.Available() {
		t.Errorf("%v, available: %v", err, n.Available())
	}
}

// TestRun checks the prober in fake time.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := nodetest.New("n1")
		n := s.Node(s.Client(""), node.Options{EpochKey: "epoch", Log: journal.New(slog.New(slog.NewTextHandler(&log, nil)))})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); n.Run(ctx) }()

		time.Sleep(10 * time.Second)
		if calls := s.Count(nodetest.Any); calls < 32 || calls > 52 || !n.Available() { // 40, give or take the jitter
			t.Errorf("%d probes in 10 s of peace", calls)
		}
		before := s.Count(nodetest.Any)
		n.MarkStale()
		synctest.Wait()
		n.MarkStale() // again, at the same moment
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if !n.Available() {
			t.Error("a node that answers is not used again a millisecond later")
		}
		if calls := s.Count(nodetest.Any) - before; calls != 2 { // one read, and one write of the new epoch
			t.Errorf("%d operations until it is used again", calls)
		}
		s.Fail(nodetest.Refuse(nodetest.ErrLost))
		time.Sleep(time.Minute)
		before = s.Count(nodetest.Any)
		time.Sleep(time.Minute)
		if calls := s.Count(nodetest.Any) - before; calls < 50 || calls > 75 || n.Available() {
			t.Errorf("%d probes in a minute of a node that is down; one a second is enough", calls)
		}
		s.Fail(nil)
		time.Sleep(1300 * time.Millisecond)
		if !n.Available() {
			t.Error("a node that is back is not used again")
		}
		cancel()
		<-ended
		if up, down := strings.Count(log.String(), "node is up"), strings.Count(log.String(), "node is down"); up != 3 || down != 2 {
			t.Errorf("%d times up, %d times down:\n%s", up, down, &log)
		}
	})
}

// TestProbesAreNotInStep checks that the time between probes varies around 250 ms, and around a second in the end for a
// node that is down.
func TestProbesAreNotInStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var probes []time.Time
		s := nodetest.New("n1")
		looks := s.Client("")
		looks.Fail(nodetest.Only(nodetest.Of(nodetest.Get), func(_ context.Context, _ nodetest.Op, do func() error) error {
			mu.Lock()
			probes = append(probes, time.Now())
			mu.Unlock()
			return do()
		}))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.Node(looks, options).Run(ctx)
		gapsOf := func(d, least, most time.Duration) {
			t.Helper()
			mu.Lock()
			probes = nil
			mu.Unlock()
			time.Sleep(d)
			mu.Lock()
			defer mu.Unlock()
			gaps := make(map[time.Duration]bool)
			for i := range probes[1:] {
				gap := probes[i+1].Sub(probes[i])
				gaps[gap] = true
				if gap < least || gap > most {
					t.Errorf("probe %d comes %v after the one before; want %v to %v", i+1, gap, least, most)
				}
			}
			if len(gaps) < 10 {
				t.Errorf("%d probes, all alike: %v", len(probes), gaps)
			}
		}
		time.Sleep(time.Second)
		gapsOf(time.Minute, 200*time.Millisecond, 300*time.Millisecond)
		s.Fail(nodetest.Refuse(nodetest.ErrLost))
		time.Sleep(time.Minute)
		gapsOf(5*time.Minute, 800*time.Millisecond, 1200*time.Millisecond)
	})
}
