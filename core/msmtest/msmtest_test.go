package msmtest_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gomsm/msm/core/msmtest"
)

// wire is a connection to speak memcached's text protocol by hand.
type wire struct {
	net.Conn
	in *bufio.Reader
	t  *testing.T
}

func dial(t *testing.T, addr string) *wire {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &wire{c, bufio.NewReader(c), t}
}

func (w *wire) send(text string) {
	w.t.Helper()
	if _, err := fmt.Fprint(w, text); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) want(lines ...string) {
	w.t.Helper()
	_ = w.SetReadDeadline(time.Now().Add(5 * time.Second))
	for _, want := range lines {
		if got, err := w.in.ReadString('\n'); err != nil || strings.TrimSpace(got) != want {
			w.t.Fatalf("%q, %v; want %q", got, err, want)
		}
	}
}

func TestServer(t *testing.T) {
	s := msmtest.StartServer(t)
	w := dial(t, s.Addr())
	w.send("set a 0 0 1\r\nx\r\n")
	w.want("STORED")
	if keys := s.Keys(); !slices.Equal(keys, []string{"a"}) {
		t.Errorf("keys %v", keys)
	}

	t.Run("a stopped server answers nothing until it goes on", func(t *testing.T) {
		s.Stop()
		w.send("get a\r\n")
		_ = w.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if line, err := w.in.ReadString('\n'); !os.IsTimeout(err) {
			t.Errorf("%q, %v", line, err)
		}
		s.Continue()
		w.want("VALUE a 0 1", "x", "END")
	})
	t.Run("a killed server comes back empty, at the same address", func(t *testing.T) {
		addr := s.Addr()
		s.Kill()
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			t.Error("it still listens")
		}
		s.Restart()
		w := dial(t, addr)
		w.send("get a\r\n")
		w.want("END")
	})
}

func TestProxySeesEveryCommand(t *testing.T) {
	p := msmtest.StartProxy(t, msmtest.StartServer(t).Addr())
	w := dial(t, p.Addr())
	w.send("set a 0 0 7\r\nget b\r\n\r\ngets a nothing\r\n") // the data looks like a command
	w.want("STORED", "VALUE a 0 7 1", "get b", "", "END")
	w.send("cas a 0 0 1 1\r\ny\r\n")
	w.want("STORED")
	if got, want := p.Commands(), []string{"set a 0 0 7", "gets a nothing", "cas a 0 0 1 1"}; !slices.Equal(got, want) {
		t.Errorf("%q; want %q", got, want)
	}
	p.Reset()
	dial(t, p.Addr()).send("version\r\n")
	for end := time.Now().Add(5 * time.Second); len(p.Commands()) == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if got := p.Commands(); !slices.Equal(got, []string{"version"}) {
		t.Errorf("after Reset, from another connection: %q", got)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	var server *msmtest.Server
	t.Run("inner", func(t *testing.T) {
		server = msmtest.StartServer(t)
		p := msmtest.StartProxy(t, server.Addr())
		dial(t, p.Addr()).send("version\r\n")
	})
	if c, err := net.Dial("tcp", server.Addr()); err == nil {
		_ = c.Close()
		t.Error("the server still runs")
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines, %d before", now, before)
	}
}
