package msm

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAListThatComesTooLate leaves nothing behind: G9. A program that is told to end reads its configuration again, and the manager
// has let go of its nodes.
func TestAListThatComesTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		nobody := func(context.Context, string, string) (net.Conn, error) { return nil, nodetest.ErrOff }
		m, err := New(Config{Nodes: "n1:a:1", Logger: slog.New(slog.DiscardHandler), DialContext: nobody})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := m.SetNodes("n1:a:1,n2:b:1", ""); !errors.Is(err, ErrClosed) {
			t.Errorf("the list is answered with %v", err)
		}
		if n := len(m.nodes.running); n > 0 {
			t.Errorf("%d nodes go on being looked at", n)
			m.nodes.close()
		}
	})
}
