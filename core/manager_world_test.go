package msm_test

import (
	"context"
	"log/slog"
	"testing"

	msm "github.com/gomsm/msm/core"
)

var quiet = slog.New(slog.DiscardHandler)

// newManager makes a manager, on an in-memory node if the config names none, and closes it at the end of the test.
func newManager(t testing.TB, config msm.Config) *msm.Manager {
	t.Helper()
	if config.Logger == nil {
		config.Logger = quiet
	}
	if config.OpTimeout == 0 {
		config.OpTimeout = opTimeout
	}
	m, err := msm.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m
}

func twoInstances(t *testing.T, config msm.Config) (list []*msm.Manager) {
	for _, route := range []string{"one", "two"} {
		if config.Sticky {
			config.Route = route
		}
		list = append(list, newManager(t, config))
	}
	return list
}

// anotherInstance makes an instance that sees what is stored.
func anotherInstance(t *testing.T, config msm.Config) *msm.Manager {
	if config.Sticky {
		config.Route = "another"
	}
	return newManager(t, config)
}
