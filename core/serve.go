package msm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gomsm/msm/core/internal/pace"
)

// runningPoll is how often ListenAndServe checks whether the handlers of hijacked connections have ended.
const runningPoll = 10 * time.Millisecond

// ListenAndServe serves requests until ctx ends, with server.ListenAndServe, or with ListenAndServeTLS if
// server.TLSConfig is set. Then it does what is needed so that no acknowledged change is lost: the server takes no new
// requests, running ones end and are stored, and the manager is closed, as it is on every other way out. With
// signal.NotifyContext it is all that a main function needs. A program that serves in another way must call
// http.Server.Shutdown and then Close, and wait for both.
//
// grace is the time for that, and must be positive: less than the process has between SIGTERM and SIGKILL, which is
// 10 s with Docker and 30 s with Kubernetes. Requests that still run after three quarters of it, such as streams, are
// cut off, so that there is time left to store.
//
// A hijacked connection, such as a WebSocket, is out of the server's hands: end it in a function given to
// server.RegisterOnShutdown. ListenAndServe waits for its handler as long as for requests, so that its changes are
// stored, too.
//
// The error is nil if everything is stored. Otherwise it joins an UnsavedError and the reason why the server could not
// listen or stopped, as far as they apply.
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

// serve is ListenAndServe with listen in place of the server's method.
func (m *Manager) serve(ctx context.Context, server *http.Server, listen func() error, grace time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- listen() }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
		if errors.Is(err, http.ErrServerClosed) { // somebody else has called Shutdown, and may still wait for requests
			err = nil
		}
	}
	return errors.Join(err, m.end(server, grace))
}

// end waits for running requests, and then closes the manager, both within grace.
func (m *Manager) end(server *http.Server, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	patient, cancelPatient := context.WithTimeout(ctx, grace/4*3)
	defer cancelPatient()
	if err := server.Shutdown(patient); err != nil {
		m.log.Warn("requests were cut off because they did not end in time", "error", err)
		_ = server.Close() // an error in closing connections helps nobody
	}
	for m.running.Load() > 0 && pace.Sleep(patient, runningPoll) == nil { // Shutdown does not wait for hijacked ones
	}
	return m.Close(ctx)
}
