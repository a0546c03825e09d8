package node_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestTrouble checks that the reason is the last failure of an operation or probe, and not that the epoch has to be
// replaced, if there was such a failure.
func TestTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(n *node.Node, s *nodetest.Server)
		want string // empty: it is available
	}{
		"it has not been asked": {func(*node.Node, *nodetest.Server) {}, "node n1 (n1), down for 3s: it has not answered yet"},
		"its first probe failed": {func(n *node.Node, s *nodetest.Server) {
			s.Fail(nodetest.Refuse(nodetest.ErrOff))
			_ = n.Probe(context.Background())
		}, "node n1 (n1), down for 3s: probe: connection refused"},
		"a request failed, and then it was to be replaced": {func(n *node.Node, s *nodetest.Server) {
			_ = n.Probe(context.Background())
			s.Fail(nodetest.Refuse(nodetest.ErrOff))
			_, _ = n.Get(context.Background(), "k")
			n.MarkStale()
		}, "node n1 (n1), down for 3s: get: connection refused"},
		"what it has may be stale": {func(n *node.Node, _ *nodetest.Server) {
			_ = n.Probe(context.Background())
			n.MarkStale()
		}, "node n1 (n1), down for 3s: what it has may be stale, so it is looked at anew"},
		"it was to be replaced, and then a probe failed": {func(n *node.Node, s *nodetest.Server) {
			_ = n.Probe(context.Background())
			n.MarkStale()
			s.Fail(nodetest.Refuse(nodetest.ErrOff))
			_ = n.Probe(context.Background())
		}, "node n1 (n1), down for 3s: probe: connection refused"},
		"it is back": {func(n *node.Node, _ *nodetest.Server) {
			_ = n.Probe(context.Background())
			n.MarkStale()
			_ = n.Probe(context.Background())
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := nodetest.New("n1")
				n := instance(s)
				c.do(n, s)
				time.Sleep(3 * time.Second)
				trouble, down := n.Trouble()
				if down != (c.want != "") || down && trouble.String() != c.want {
					t.Errorf("%v: %s; want %q", down, trouble, c.want)
				}
			})
		})
	}
}

func TestATroubleWithoutAName(t *testing.T) {
	for want, of := range map[string]node.Trouble{
		"node (cache1:11211): connection refused": {Address: "cache1:11211", Why: nodetest.ErrOff},
		"node n9: connection refused":             {ID: "n9", Why: nodetest.ErrOff},
	} {
		if got := of.String(); got != want {
			t.Errorf("%q; want %q", got, want)
		}
	}
}

// TestTheLogHasTheReason checks that the log has the first reason why a node is not available, and each one that
// differs from the last, but not the same one again with every probe.
func TestTheLogHasTheReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := nodetest.New("n1")
		n := s.Node(s.Client(""), node.Options{EpochKey: "epoch", Log: journal.New(slog.New(slog.NewTextHandler(&log, nil)))})
		lines := func(want ...string) {
			t.Helper()
			var got []string
			for line := range strings.Lines(log.String()) {
				_, text, _ := strings.Cut(strings.TrimSpace(line), "msg=")
				got = append(got, strings.Replace(text, " node=n1 address=n1", "", 1))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q; want %q", got, want)
			}
			log.Reset()
		}
		minute := func() {
			for range 60 {
				time.Sleep(time.Second)
				probe(n)
			}
		}
		fails := func(texts ...string) {
			next := 0
			s.Fail(func(context.Context, nodetest.Op, func() error) error {
				next++
				return errors.New(texts[next%len(texts)])
			})
			minute()
		}
		fails("dial tcp 10.0.0.1:11211: refused")
		lines(`"node is not available yet" error="probe: dial tcp 10.0.0.1:11211: refused"`)
		s.Fail(nil)
		minute()
		lines(`"node is up"`)
		fails("read tcp 10.0.0.2:40001->10.0.0.1:11211: reset", "read tcp 10.0.0.2:40002->10.0.0.1:11211: reset")
		lines(`"node is down" error="probe: read tcp 10.0.0.2:40002->10.0.0.1:11211: reset"`)
		fails("tls: no certificate")
		lines(`"node is still down" error="probe: tls: no certificate"`)
		fails("authentication failed")
		lines(`"node is still down" error="probe: authentication failed"`)
		s.Fail(nil)
		minute()
		lines(`"node is up"`)
		fails("authentication failed")
		lines(`"node is down" error="probe: authentication failed"`)
	})
}
