package msm_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

// takeover sends a request to a server whose handler calls change, takes the connection over and calls write with it.
// It returns what arrives.
func takeover(t *testing.T, config msm.Config, change func(s *msm.Session), write func(conn net.Conn, rw *bufio.ReadWriter, h http.Header), with ...string) (head string) {
	t.Helper()
	m := newManager(t, config)
	inner := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		change(msm.From(r.Context()))
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		write(conn, rw, w.Header())
	}))
	done := make(chan struct{})
	a := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		inner.ServeHTTP(w, r)
	}))
	conn, err := net.Dial("tcp", a.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", strings.Join(with, ""))
	text, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	<-done
	return string(text)
}

const switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"

// TestTheIDTravelsWithAHeadWrittenByHand checks that the id is sent once, in whichever way the head is written, and
// that nothing else changes.
func TestTheIDTravelsWithAHeadWrittenByHand(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct {
		config msm.Config
		write  func(conn net.Conn, rw *bufio.ReadWriter, h http.Header)
		begin  string // what arrives begins with it
		news   string // what follows
		rest   string
	}{
		"to the connection": {
			write: func(conn net.Conn, _ *bufio.ReadWriter, _ http.Header) { fmt.Fprint(conn, switching, "hello") },
			begin: switching[:len(switching)-2], news: "Set-Cookie: SESSION=", rest: "\r\nhello",
		},
		"to the buffer": {
			write: func(_ net.Conn, rw *bufio.ReadWriter, _ http.Header) {
				fmt.Fprint(rw, switching, "hello")
				_ = rw.Flush()
			},
			begin: switching[:len(switching)-2], news: "Set-Cookie: SESSION=", rest: "\r\nhello",
		},
		"with the header of the answer": {
			write: func(conn net.Conn, _ *bufio.ReadWriter, h http.Header) {
				fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nSet-Cookie: ", h.Get("Set-Cookie"), "\r\n\r\nhello")
			},
			begin: "HTTP/1.1 101 Switching Protocols\r\n", news: "Set-Cookie: SESSION=", rest: "\r\nhello",
		},
		"with a body of any size": {
			write: func(conn net.Conn, _ *bufio.ReadWriter, _ http.Header) {
				fmt.Fprint(conn, "HTTP/1.0 200 OK\r\n\r\n"+large)
			},
			begin: "HTTP/1.0 200 OK\r\n", news: "Set-Cookie: SESSION=", rest: "\r\n" + large,
		},
		"by a header": {
			config: msm.Config{Header: "X-Session"},
			write:  func(conn net.Conn, _ *bufio.ReadWriter, _ http.Header) { fmt.Fprint(conn, switching, "hello") },
			begin:  switching[:len(switching)-2], news: "X-Session: ", rest: "\r\nhello",
		},
		"before one direction is closed": {
			write: func(conn net.Conn, _ *bufio.ReadWriter, _ http.Header) {
				fmt.Fprint(conn, switching)
				half, ok := conn.(interface{ CloseWrite() error })
				if !ok || half.CloseWrite() != nil {
					t.Errorf("%T does not close one direction", conn)
				}
			},
			begin: switching[:len(switching)-2], news: "Set-Cookie: SESSION=", rest: "\r\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var with []string
			if c.config.Header != "" { // the client asks for the header
				with = append(with, c.config.Header+": x\r\n")
			}
			got := takeover(t, c.config, func(s *msm.Session) { add(s) }, c.write, with...)
			news, rest, _ := strings.Cut(strings.TrimPrefix(got, c.begin), "\r\n")
			if !strings.HasPrefix(got, c.begin) || !strings.HasPrefix(news, c.news) || rest != c.rest {
				t.Errorf("%.300q", got)
			}
		})
	}
}

// TestWhatTellsNoIDIsLeftAlone checks that a handler gets the server's own connection if the client has its id, or
// needs none.
func TestWhatTellsNoIDIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *msm.Session){
		"a read":        func(s *msm.Session) { count.Get(s) },
		"nothing in it": func(s *msm.Session) { add(s); count.Delete(s) },
	} {
		got := takeover(t, msm.Config{}, change, func(conn net.Conn, _ *bufio.ReadWriter, _ http.Header) {
			if _, ok := conn.(*net.TCPConn); !ok {
				t.Errorf("%s: %T", name, conn)
			}
			fmt.Fprint(conn, switching)
		})
		if got != switching {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestAnIDThatWasAnnouncedInVain checks that an id is not sent if the session has become nothing by the time the head
// is written.
func TestAnIDThatWasAnnouncedInVain(t *testing.T) {
	t.Parallel()
	var session *msm.Session
	got := takeover(t, msm.Config{}, func(s *msm.Session) { session = s; add(s) }, func(conn net.Conn, _ *bufio.ReadWriter, _ http.Header) {
		session.Clear()
		fmt.Fprint(conn, switching)
	})
	if got != switching {
		t.Errorf("%q", got)
	}
}

// TestTheConnectionBelowCanBeHad checks NetConn, for handlers that need a *net.TCPConn.
func TestTheConnectionBelowCanBeHad(t *testing.T) {
	t.Parallel()
	takeover(t, msm.Config{}, func(s *msm.Session) { add(s) }, func(conn net.Conn, _ *bufio.ReadWriter, _ http.Header) {
		if _, ok := conn.(interface{ NetConn() net.Conn }).NetConn().(*net.TCPConn); !ok {
			t.Errorf("%T", conn)
		}
		fmt.Fprint(conn, switching)
	})
}

// TestAnIDThatCannotBeToldIsLogged checks that nothing is stored under the id, and that what the handler writes arrives
// as it is.
func TestAnIDThatCannotBeToldIsLogged(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"hello", "HTTP/1.1 200 OK\r\nX-Half:", strings.Repeat("no head ", 1<<17)} {
		var log bytes.Buffer
		got := takeover(t, msm.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(s *msm.Session) { add(s) },
			func(conn net.Conn, _ *bufio.ReadWriter, _ http.Header) { fmt.Fprint(conn, text) })
		if got != text {
			t.Errorf("%.100q", got)
		}
		if n := strings.Count(log.String(), "has not learned the session's new id"); n != 1 {
			t.Errorf("%d lines in the log: %s", n, &log)
		}
	}
}

// pipe is a response with the connection c.
type pipe struct {
	http.ResponseWriter
	c net.Conn
}

func (p pipe) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return p.c, bufio.NewReadWriter(bufio.NewReader(p.c), bufio.NewWriter(p.c)), nil
}

// TestCloseEndsAWriteOfTheHead checks that Close ends a Write, as that of any net.Conn does.
func TestCloseEndsAWriteOfTheHead(t *testing.T) {
	t.Parallel()
	server, client := net.Pipe()
	newManager(t, msm.Config{}).Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		add(msm.From(r.Context()))
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Fatal(err)
		}
		written := make(chan error, 1)
		go func() {
			_, err := io.WriteString(conn, switching)
			written <- err
		}()
		if _, err := client.Read(make([]byte, 1)); err != nil { // the rest of the head waits to be read
			t.Fatal(err)
		}
		closed := make(chan error, 1)
		go func() { closed <- conn.Close() }()
		select {
		case <-closed:
		case <-time.After(patience):
			t.Fatal("Close waits for the Write")
		}
		if err := <-written; err == nil {
			t.Error("the head was not sent, and Write says nothing")
		}
	})).ServeHTTP(pipe{httptest.NewRecorder(), server}, httptest.NewRequest("GET", "/", nil))
}
