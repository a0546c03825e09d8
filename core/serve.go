package msm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gomsm/msm/core/internal/pace"
)

const runningPoll = 10 * time.Millisecond

// ListenAndServe is server.ListenAndServe, by TLS if server.TLSConfig is set, until ctx ends, and then what has to be done
// so that no acknowledged change is lost: the server takes no new requests, running ones end and are stored, and the
// manager is closed, as it is on every other way out. With signal.NotifyContext it is all that a main needs; who serves
// otherwise calls http.Server.Shutdown and Close, in this order, and waits for both.
//
// grace is the time for all that: less than what the process has between SIGTERM and SIGKILL, which is 10 s with docker
// and 30 s with Kubernetes. Requests that still run after three quarters of it, such as streams, are cut off, so that they
// do not take the time that storing needs. It must be positive.
//
// Hijacked connections, such as WebSockets, are not the server's any more: have server.RegisterOnShutdown end them. Their
// handlers are waited for as long as requests are, so that what they changed is stored, too.
//
// It answers nil if everything is stored, an UnsavedError if not, and why the server could not listen or did not go on.
func (m *Manager) ListenAndServe(ctx context.Context, server *http.Server, grace time.Duration) error {
	if grace <= 0 {
		return errors.Join(fmt.Errorf("msm: ListenAndServe: grace: %v must be positive, such as 8*time.Second", grace), m.Close(ctx))
	}
	listen := server.ListenAndServe
	if server.TLSConfig != nil {
		listen = func() error { return server.ListenAndServeTLS("", "") }
	}
	return m.serve(ctx, server, listen, grace)
}

// serve is ListenAndServe on whatever listens.
func (m *Manager) serve(ctx context.Context, server *http.Server, listen func() error, grace time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- listen() }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
		if errors.Is(err, http.ErrServerClosed) { // by a Shutdown of someone else, which may be waiting for requests yet
			err = nil
		}
	}
	return errors.Join(err, m.end(server, grace))
}

// end lets running requests end, and then the manager.
func (m *Manager) end(server *http.Server, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	patient, cancelPatient := context.WithTimeout(ctx, grace/4*3)
	defer cancelPatient()
	if err := server.Shutdown(patient); err != nil {
		m.log.Warn("requests are cut off, for they did not end in time", "error", err)
		_ = server.Close() // of connections; there is nobody to tell
	}
	for m.running.Load() > 0 && pace.Sleep(patient, runningPoll) == nil { // handlers of hijacked connections
	}
	return m.Close(ctx)
}
