package msmtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

func (s *suite) streamCases() []kase {
	return []kase{
		{name: "server-sent events arrive one by one", run: s.events},
		{name: "a connection taken over with http.Hijacker", run: func(t *testing.T) {
			s.takeover(t, func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) { return w.(http.Hijacker).Hijack() })
		}},
		{name: "a connection taken over with http.ResponseController", run: func(t *testing.T) {
			s.takeover(t, func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
				return http.NewResponseController(w).Hijack()
			})
		}},
		{name: "101, as a WebSocket begins", run: s.upgrade},
		{name: "103 is sent before the session is stored", run: s.earlyHints},
		{name: "http.ResponseController sets deadlines and full duplex", run: s.controller},
		{name: "http.TimeoutHandler around the app", run: s.timeoutAround},
		{name: "http.TimeoutHandler gives up", run: s.timeoutGivesUp},
		{name: "a client that goes away does not undo the commit", run: s.clientGone},
		{name: "files are sent by the kernel", run: s.filesByKernel},
	}
}

func (s *suite) events(t *testing.T) {
	m, more := NewManager(t, msm.Config{}), make(chan struct{})
	v := s.visit(t, s.app(m, func(c Call) error {
		add(c)
		c.W.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(c.W, "data: 1\n\n")
		if err := http.NewResponseController(c.W).Flush(); err != nil {
			return err
		}
		await(c, more)
		_, err := fmt.Fprint(c.W, "data: 2\n\n")
		return err
	}))
	resp, err := v.browser.Do(v.request("GET", "/x"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := bufio.NewReader(resp.Body)
	if line, err := body.ReadString('\n'); line != "data: 1\n" {
		t.Errorf("%q, %v", line, err)
	}
	answer{Response: resp}.cookies(t, 1)
	v.counts(1) // while the stream goes on
	close(more)
	if rest, err := io.ReadAll(body); string(rest) != "\ndata: 2\n\n" {
		t.Errorf("%q, %v", rest, err)
	}
}

// await waits for a word from the test, or until the client has gone.
func await(c Call, word <-chan struct{}) {
	select {
	case <-word:
	case <-c.R.Context().Done():
	}
}

func (s *suite) takeover(t *testing.T, hijack func(http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error)) {
	v := s.visit(t, s.app(NewManager(t, msm.Config{}), func(c Call) error {
		add(c)
		conn, _, err := hijack(c.W)
		if err != nil {
			t.Error(err)
			return err
		}
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nSet-Cookie: %s\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", c.W.Header().Get("Set-Cookie"))
		return err
	}))
	v.do("GET", "/x").gets(t, 200, "x").cookies(t, 1)
	v.counts(1)
}

// upgrade goes the way of WebSocket libraries: the status first, then the connection.
func (s *suite) upgrade(t *testing.T) {
	v := s.visit(t, s.app(NewManager(t, msm.Config{}), func(c Call) error {
		add(c)
		c.W.Header().Set("Connection", "Upgrade")
		c.W.Header().Set("Upgrade", "echo")
		send(c.W, http.StatusSwitchingProtocols)
		conn, in, err := http.NewResponseController(c.W).Hijack()
		if err != nil {
			t.Error(err)
			return err
		}
		defer conn.Close()
		line, err := in.ReadString('\n')
		add(c)
		_, _ = io.WriteString(conn, line)
		return err
	}))
	r := v.request("GET", "/x")
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "echo")
	resp, err := v.browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer{Response: resp}.gets(t, 101, "").cookies(t, 1)
	v.counts(1) // while the connection stays open
	conn, ok := resp.Body.(io.ReadWriter)
	if !ok {
		t.Fatalf("%T cannot be written to", resp.Body)
	}
	fmt.Fprint(conn, "hello\n")
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "hello\n" {
		t.Errorf("%q, %v", line, err)
	}
	v.countsSoon(2)
}

// send sends a status at once, even where the framework holds it back.
func send(w http.ResponseWriter, status int) {
	w.WriteHeader(status)
	if w, ok := w.(interface{ WriteHeaderNow() }); ok {
		w.WriteHeaderNow()
	}
}

func (s *suite) earlyHints(t *testing.T) {
	v := s.visit(t, s.app(NewManager(t, msm.Config{}), func(c Call) error {
		c.W.Header().Set("Link", "</style.css>; rel=preload")
		send(c.W, http.StatusEarlyHints)
		add(c) // would be too late after a first byte
		_, err := io.WriteString(c.W, "x")
		return err
	}))
	var hints atomic.Int32
	trace := &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
		hints.Add(1)
		if h.Get("Set-Cookie") != "" {
			t.Error("the hint carries a cookie")
		}
		return nil
	}}
	r := v.request("GET", "/x")
	a, err := v.try(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil {
		t.Fatal(err)
	}
	a.gets(t, 200, "x").cookies(t, 1)
	if hints.Load() != 1 {
		t.Errorf("%d hints", hints.Load())
	}
	v.counts(1)
}

func (s *suite) controller(t *testing.T) {
	v := s.visit(t, s.app(NewManager(t, msm.Config{}), func(c Call) error {
		control, later := http.NewResponseController(c.W), time.Now().Add(2*patience)
		for name, err := range map[string]error{
			"SetReadDeadline": control.SetReadDeadline(later), "SetWriteDeadline": control.SetWriteDeadline(later),
			"EnableFullDuplex": control.EnableFullDuplex(),
		} {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		return nil
	}))
	v.do("GET", "/x").gets(t, 200, "")
}

func (s *suite) timeoutAround(t *testing.T) {
	v := visit(t, http.TimeoutHandler(s.build(s.app(NewManager(t, msm.Config{}), func(c Call) error {
		add(c)
		_, err := io.WriteString(c.W, "x")
		return err
	})), 2*patience, "too slow"))
	v.do("POST", "/x").gets(t, 200, "x").cookies(t, 1)
	v.counts(1)
}

func (s *suite) timeoutGivesUp(t *testing.T) {
	answered, ended := make(chan struct{}), make(chan struct{})
	inner := s.build(s.app(NewManager(t, msm.Config{}), func(c Call) error {
		<-answered // if only its time were up, it might still be faster than the TimeoutHandler
		add(c)
		_, err := io.WriteString(c.W, "secret")
		return err
	}))
	v := visit(t, http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		inner.ServeHTTP(w, r)
	}), time.Millisecond, "too slow"))
	v.do("GET", "/x").gets(t, 503, "too slow").cookies(t, 0)
	close(answered)
	<-ended
}

func (s *suite) clientGone(t *testing.T) {
	begun := make(chan struct{}, 1)
	v := s.visit(t, s.app(NewManager(t, msm.Config{}), func(c Call) error {
		add(c)
		if c.R.Method == "POST" {
			begun <- struct{}{}
			<-c.R.Context().Done()
		}
		_, err := io.WriteString(c.W, "x")
		return err
	}))
	v.do("GET", "/x").gets(t, 200, "x")
	r := v.request("POST", "/x")
	ctx, leave := context.WithCancel(r.Context())
	go func() {
		<-begun
		leave()
	}()
	if _, err := v.try(r.WithContext(ctx)); err == nil {
		t.Fatal("the client did not go away")
	}
	v.countsSoon(2)
}

// filesByKernel looks at the writer below the app. What reaches ReadFrom there, net/http's own writer would hand to the
// kernel.
func (s *suite) filesByKernel(t *testing.T) {
	if why, lacks := s.lacks[FilesByKernel]; lacks {
		if n := s.readFrom(t, nil); n != 0 {
			t.Errorf("without sessions files are sent by the kernel; Lacks says: %s", why)
		}
		t.Skip(why)
	}
	if n := s.readFrom(t, []middleware{s.sessions(NewManager(t, msm.Config{}))}); n == 0 {
		t.Error("ReadFrom is lost")
	}
}

// readFrom serves a file through the middleware, and returns how often ReadFrom of the writer below was called.
func (s *suite) readFrom(t *testing.T, use []middleware) int32 {
	t.Helper()
	var calls atomic.Int32
	inner := s.build(app{group: group{use: use, routes: []route{{"GET", "/x", s.handler(func(c Call) error {
		http.ServeContent(c.W, c.R, "x.txt", time.Time{}, strings.NewReader("x"))
		return nil
	})}}}})
	v := visit(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(readerFrom{w, w.(http.Flusher), w.(http.Hijacker), &calls}, r)
	}))
	v.do("GET", "/x").gets(t, 200, "x")
	return calls.Load()
}

// readerFrom has what the server's own writer has, because some frameworks want all of it or use none of it.
type readerFrom struct {
	http.ResponseWriter
	http.Flusher
	http.Hijacker
	calls *atomic.Int32
}

func (r readerFrom) ReadFrom(from io.Reader) (int64, error) {
	r.calls.Add(1)
	return io.Copy(r.ResponseWriter, from)
}

func (r readerFrom) Unwrap() http.ResponseWriter { return r.ResponseWriter }
