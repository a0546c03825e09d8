package msm_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// pipes is a net.Listener in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (*pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// ending is a sticky app in fake time that is told to end after a second.
type ending struct {
	t      *testing.T
	server *http.Server
	began  time.Time
	took   time.Duration // until ListenAndServe returned
	err    error         // what it returned
	get    func(path string) (int, error)
	left   int64 // changes that no node has
	open   int64 // handlers that had not ended then
}

// end runs the app with a grace of 8 s, and requests meanwhile. Its handlers set an attribute and then wait: /slow for
// three seconds, /stream until the client is gone. /socket hijacks the connection, and sets the attribute again two
// seconds after the shutdown has begun.
func end(t *testing.T, nodes bool, requests func(e *ending)) *ending {
	t.Helper()
	config := msm.Config{Sticky: true, Logger: quiet}
	if !nodes {
		config.Nodes = "n1:a:1"
		config.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network") }
	}
	m, err := msm.New(config)
	if err != nil {
		t.Fatal(err)
	}
	var open atomic.Int64
	shutdown := make(chan struct{})
	app := m.Middleware(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			add(msm.From(r.Context()))
			switch r.URL.Path {
			case "/socket":
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
				_ = conn.Close()
				<-shutdown
				time.Sleep(2 * time.Second) // to say good-bye
				add(msm.From(r.Context()))
			case "/slow":
				time.Sleep(3 * time.Second)
			case "/stream":
				<-r.Context().Done()
			}
		}))
	e := &ending{t: t, began: time.Now(), server: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		open.Add(1)
		defer open.Add(-1)
		app.ServeHTTP(w, r)
	})}}
	e.server.RegisterOnShutdown(sync.OnceFunc(func() { close(shutdown) }))
	l := newPipes()
	client := &http.Client{Transport: &http.Transport{DialContext: l.dial, DisableKeepAlives: true}}
	e.get = func(path string) (int, error) {
		resp, err := client.Get("http://app" + path)
		if err != nil {
			return 0, err
		}
		return resp.StatusCode, resp.Body.Close()
	}
	var done sync.WaitGroup
	done.Go(func() { requests(e) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	e.err = m.ServeOn(ctx, e.server, func() error { return e.server.Serve(l) }, 8*time.Second)
	e.took, e.open = time.Since(e.began), open.Load()
	e.left = m.Stats().Local.PendingChanges
	done.Wait()
	return e
}

// justBefore waits until just before the app is told to end: what is set then is not stored yet.
func justBefore() { time.Sleep(990 * time.Millisecond) }

func (e *ending) want(path string, status int) {
	e.t.Helper()
	if got, err := e.get(path); got != status {
		e.t.Errorf("%s is answered %d, %v; want %d", path, got, err, status)
	}
}

// TestAnAppThatIsToldToEnd checks that no acknowledged change is lost.
func TestAnAppThatIsToldToEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		noNodes  bool
		requests func(e *ending)
		took     time.Duration
		unsaved  int
	}{
		"what was just acknowledged is stored": {requests: func(e *ending) {
			justBefore()
			e.want("/", 200)
		}, took: time.Second},
		"a request that is running ends, and what it set is stored": {requests: func(e *ending) {
			justBefore()
			e.want("/slow", 200)
		}, took: 4 * time.Second},
		"one that does not end is cut off, and leaves time to store what others set": {requests: func(e *ending) {
			justBefore()
			var others sync.WaitGroup
			others.Go(func() { e.want("/stream", 0) })
			e.want("/", 200)
			others.Wait()
		}, took: 7 * time.Second},
		"a WebSocket that ends when the server shuts down, and what it sets then is stored": {requests: func(e *ending) {
			justBefore()
			e.want("/socket", 200)
		}, took: 3 * time.Second},
		"a server that someone else shuts down": {requests: func(e *ending) {
			time.Sleep(100 * time.Millisecond)
			var others sync.WaitGroup
			others.Go(func() { e.want("/slow", 200) })
			synctest.Wait()
			if err := e.server.Shutdown(context.Background()); err != nil {
				e.t.Error(err)
			}
			others.Wait()
		}, took: 3100 * time.Millisecond},
		"without a node it says how much is lost, in time": {noNodes: true, requests: func(e *ending) {
			justBefore()
			e.want("/", 200)
		}, took: 9 * time.Second, unsaved: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := end(t, !c.noNodes, c.requests)
				// A server that shuts down looks at its connections at most half a second apart.
				if e.took < c.took || e.took > c.took+time.Second {
					t.Errorf("it ends after %v; want %v", e.took, c.took)
				}
				if unsaved(e.err) != c.unsaved || (e.err == nil) != (c.unsaved == 0) {
					t.Errorf("it answers %v; want %d unsaved", e.err, c.unsaved)
				}
				// Nothing was acknowledged of what a handler sets after it was cut off.
				if e.left < int64(c.unsaved) || e.left > int64(c.unsaved)+e.open || e.open > 0 && !strings.Contains(name, "cut off") {
					t.Errorf("%d changes are left, and %d handlers run", e.left, e.open)
				}
			})
		})
	}
}

func TestListenAndServe(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, server *http.Server, grace time.Duration, client *http.Client, scheme string) error {
		t.Helper()
		m, err := msm.New(msm.Config{Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		server.Handler = m.Middleware(handlerOf(func(s *msm.Session) { add(s) }))
		server.BaseContext = func(l net.Listener) context.Context {
			go func() {
				defer stop()
				resp, err := client.Get(scheme + "://" + l.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				if _ = resp.Body.Close(); resp.StatusCode != 200 {
					t.Error(resp.Status)
				}
			}()
			return context.Background()
		}
		err = m.ListenAndServe(ctx, server, grace)
		if _, _, closed := m.Begin(httptest.NewRequest("GET", "/", nil), ""); !errors.Is(closed, msm.ErrClosed) {
			t.Errorf("the manager is not closed: %v", closed)
		}
		return err
	}
	t.Run("it serves", func(t *testing.T) {
		if err := run(t, &http.Server{Addr: "127.0.0.1:0"}, patience, http.DefaultClient, "http"); err != nil {
			t.Error(err)
		}
	})
	t.Run("it serves by TLS", func(t *testing.T) {
		other := httptest.NewTLSServer(nil)
		defer other.Close()
		if err := run(t, &http.Server{Addr: "127.0.0.1:0", TLSConfig: other.TLS}, patience, other.Client(), "https"); err != nil {
			t.Error(err)
		}
	})
	t.Run("an address in use", func(t *testing.T) {
		other := httptest.NewServer(nil)
		defer other.Close()
		if err := run(t, &http.Server{Addr: other.Listener.Addr().String()}, patience, nil, ""); err == nil {
			t.Error("no error")
		}
	})
	t.Run("no time to end", func(t *testing.T) {
		err := run(t, &http.Server{Addr: "127.0.0.1:0"}, 0, nil, "")
		if err == nil || !strings.Contains(err.Error(), "grace") {
			t.Error(err)
		}
	})
}
