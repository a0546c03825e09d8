package msm_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

func TestStickyClose(t *testing.T) {
	t.Parallel()
	list, servers := startServers(t, 1)
	config := msm.Config{Nodes: list, Sticky: true, Logger: quiet, OpTimeout: opTimeout}
	m, err := msm.New(config)
	if err != nil {
		t.Fatal(err)
	}
	id := begin(t, m, func(s *msm.Session) { add(s) })
	if err := m.Close(context.Background()); err != nil {
		t.Error(err)
	}
	m, _ = msm.New(config)
	resp := visit(m, id, func(s *msm.Session) {
		if add(s) != 2 {
			t.Error("it was not stored")
		}
	})
	written(t, m)
	servers["n1"].Kill()
	visit(m, idOf(resp, id), func(s *msm.Session) { add(s) })
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	unsaved := (*msm.UnsavedError)(nil)
	if err := m.Close(ctx); !errors.As(err, &unsaved) || unsaved.Sessions != 1 {
		t.Errorf("%v", err)
	}
}

// unsaved returns how many lost sessions an error reports.
func unsaved(err error) int {
	if u := (*msm.UnsavedError)(nil); errors.As(err, &u) {
		return u.Sessions
	}
	return 0
}

// TestClose checks that Close ends with its context, or without a deadline by itself, and that further calls wait for
// the first one.
func TestClose(t *testing.T) {
	t.Parallel()
	for mode, config := range map[string]msm.Config{"sticky": {Sticky: true}, "non-sticky": {}} {
		t.Run(mode+", without a node and without a deadline", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config.Logger, config.Nodes = quiet, "n1:a:1"
				config.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network") }
				m, err := msm.New(config)
				if err != nil {
					t.Fatal(err)
				}
				visit(m, "", func(s *msm.Session) { add(s) })
				want := 0
				if config.Sticky {
					want = 1
				}
				var calls sync.WaitGroup
				for range 3 {
					calls.Go(func() {
						if err := m.Close(context.Background()); unsaved(err) != want || (err == nil) != (want == 0) {
							t.Errorf("%v; want %d unsaved", err, want)
						}
					})
				}
				calls.Wait()
			})
		})
	}
}

func TestClosedManager(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	if err := m.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if resp := visit(m, "", func(*msm.Session) { t.Error("served") }); resp.StatusCode != 503 {
		t.Errorf("%d", resp.StatusCode)
	}
	if err := m.SetNodes("a:1", ""); !errors.Is(err, msm.ErrClosed) {
		t.Error(err)
	}
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	list, servers := startServers(t, 2)
	before := runtime.NumGoroutine()
	m, err := msm.New(msm.Config{Nodes: list, Logger: quiet, OpTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var id string
	waitFor(t, "a session", func() bool { // OpTimeout is short here, and a healthy node may need longer
		id = idOf(visit(m, "", addOne), "")
		return id != ""
	})
	servers["n1"].Stop()
	for range 20 {
		visit(m, id, func(s *msm.Session) { add(s) })
	}
	if err := m.Close(t.Context()); err != nil {
		t.Error(err)
	}
	waitFor(t, "all goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}
