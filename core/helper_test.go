package msm_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

var quiet = slog.New(slog.DiscardHandler)

// waitFor polls a condition that other processes bring about.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

// stallMeter measures how long this machine, which others use too, kept us from running.
type stallMeter struct {
	stop    chan struct{}
	longest chan time.Duration
}

func startStallMeter() *stallMeter {
	m := &stallMeter{make(chan struct{}), make(chan time.Duration)}
	go func() {
		var longest time.Duration
		for {
			began := time.Now()
			select {
			case <-m.stop:
				m.longest <- longest
				return
			case <-time.After(5 * time.Millisecond):
				longest = max(longest, time.Since(began)-5*time.Millisecond)
			}
		}
	}()
	return m
}

func (m *stallMeter) worst() time.Duration {
	close(m.stop)
	return <-m.longest
}

func handlerOf(f func(*msm.Session)) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { f(msm.From(r.Context())) })
}

// patience is how long requests wait for a lock in tests that are not about giving up, on a machine that others use too.
const patience = 30 * time.Second
