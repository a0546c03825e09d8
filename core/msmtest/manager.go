package msmtest

import (
	"context"
	"log/slog"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// NewManager returns a manager for a test of handlers, and closes it at the end of the test. If config has no Nodes,
// the sessions live in memory. If config has no Logger, the manager logs nothing.
func NewManager(t testing.TB, config msm.Config) *msm.Manager {
	t.Helper()
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := msm.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := m.Close(ctx); err != nil {
			t.Errorf("the manager does not close: %v", err)
		}
	})
	return m
}
