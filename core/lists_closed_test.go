package msm_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAListForAClosedManager: G9. A program that is shutting down reads its configuration again, when the manager is
// closed. The new list leaves nothing behind: a prober that went on would keep the test from ending.
func TestAListForAClosedManager(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		nobody := func(context.Context, string, string) (net.Conn, error) { return nil, nodetest.ErrOff }
		m, err := msm.New(msm.Config{Nodes: "n1:a:1", Logger: slog.New(slog.DiscardHandler), DialContext: nobody})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := m.SetNodes("n1:a:1,n2:b:1", ""); !errors.Is(err, msm.ErrClosed) {
			t.Errorf("the list is answered with %v", err)
		}
	})
}
