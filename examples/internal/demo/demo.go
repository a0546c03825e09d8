// Package demo holds what the example programs share and what has nothing to do with sessions: serving until they are
// told to stop, the HTML page, and other responses.
package demo

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	msm "github.com/gomsm/msm/core"
)

// Serve serves h on the address of the flag -addr until SIGTERM or SIGINT. Then it takes no more requests, waits for
// those that run, and closes the manager. It calls the functions onShutdown when the shutdown begins; they end hijacked
// connections. If anything fails, the program exits with an error.
func Serve(m *msm.Manager, h http.Handler, onShutdown ...func()) {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on; port 0 picks a free one")
	grace := flag.Duration("grace", 5*time.Second, "after SIGTERM: the time for running requests to end, and for sessions to be stored")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: *addr, Handler: h, ReadHeaderTimeout: 10 * time.Second, BaseContext: announce}
	for _, f := range onShutdown {
		server.RegisterOnShutdown(f)
	}
	if err := m.ListenAndServe(ctx, server, *grace); err != nil {
		log.Fatal("stopped: ", err) // the error says how many sessions are left to store
	}
	fmt.Println("stopped; 0 sessions left to store")
}

// announce prints the address. The server asks it for the requests' context once the port is known.
func announce(l net.Listener) context.Context {
	fmt.Printf("listening on http://%s\n", l.Addr())
	return context.Background()
}

// JSON writes a value as JSON.
func JSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		log.Print("answer: ", err)
	}
}

// Text writes a text that a visitor has sent as plain text: a browser must not take it for a page.
func Text(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, text)
}

// Health writes the manager's counters and the state of each node as JSON, with status 503 if no node is up.
func Health(w http.ResponseWriter, m *msm.Manager) {
	stats := m.Stats()
	w.Header().Set("Content-Type", "application/json")
	if !anyUp(stats.Nodes) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	JSON(w, stats)
}

func anyUp(nodes []msm.NodeStats) bool {
	for _, n := range nodes {
		if n.State == msm.NodeUp {
			return true
		}
	}
	return false
}

// Millis parses a number of milliseconds, at most a minute. Anything else is 0.
func Millis(s string) time.Duration {
	d, err := time.ParseDuration(s + "ms")
	if err != nil {
		return 0
	}
	return min(max(d, 0), time.Minute)
}

// Sleep waits for d, or until the client goes away.
func Sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
