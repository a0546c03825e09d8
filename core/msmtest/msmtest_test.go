package msmtest_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gomsm/msm/core/msmtest"
)

// patience only ends what hangs.
const patience = 2 * time.Minute

// wire is a connection on which a test speaks memcached's text protocol by hand.
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
	_ = w.SetReadDeadline(time.Now().Add(patience))
	for _, want := range lines {
		if got, err := w.in.ReadString('\n'); err != nil || strings.TrimSpace(got) != want {
			w.t.Fatalf("%q, %v; want %q", got, err, want)
		}
	}
}

func TestServer(t *testing.T) {
	s := msmtest.StartServer(t)
	w := dial(t, s.Addr())
	w.send("set msm:a%2F 0 0 1\r\nx\r\n")
	w.want("STORED")
	if keys := s.Keys(); !slices.Equal(keys, []string{"msm:a%2F"}) {
		t.Errorf("keys %v", keys)
	}

	t.Run("a stopped server answers nothing until it goes on", func(t *testing.T) {
		s.Stop()
		w.send("get msm:a%2F\r\n")
		_ = w.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // nothing ever comes; a slow machine only sees less
		if line, err := w.in.ReadString('\n'); !os.IsTimeout(err) {
			t.Errorf("%q, %v", line, err)
		}
		s.Continue()
		w.want("VALUE msm:a%2F 0 1", "x", "END")
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
		w.send("get msm:a%2F\r\n")
		w.want("END")
		if keys := s.Keys(); len(keys) != 0 {
			t.Errorf("keys %v", keys)
		}
	})
	t.Run("a server that cannot start says why, and nobody waits for it at each try", func(t *testing.T) {
		r, ended := &reporter{TB: t}, make(chan *msmtest.Server, 1)
		go func() { ended <- msmtest.StartServer(r, "-I", "1") }()
		select {
		case s := <-ended:
			if s != nil || !strings.Contains(r.all(), "1024 bytes") {
				t.Errorf("%q", r.all())
			}
		case <-time.After(patience):
			t.Error("it waits for what has ended")
		}
	})
}

// reporter keeps what would fail a test.
type reporter struct {
	testing.TB
	mu     sync.Mutex
	faults []string
}

func (r *reporter) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

func (r *reporter) Fatalf(format string, args ...any) { r.Errorf(format, args...) }

func (r *reporter) all() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.faults, "\n")
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
	for end := time.Now().Add(patience); len(p.Commands()) == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if got := p.Commands(); !slices.Equal(got, []string{"version"}) {
		t.Errorf("after Reset, from another connection: %q", got)
	}
}

func TestProxyKeepsTheOrderOfEachConnection(t *testing.T) {
	const conns, each = 8, 50
	p := msmtest.StartProxy(t, msmtest.StartServer(t).Addr())
	var all sync.WaitGroup
	for c := range conns {
		w := dial(t, p.Addr())
		all.Go(func() {
			var pipelined strings.Builder
			for i := range each {
				fmt.Fprintf(&pipelined, "set c%d 0 0 %d\r\n%s\r\n", c, i, strings.Repeat("\n", i))
			}
			_, _ = fmt.Fprint(w, pipelined.String())
			for range each {
				if line, err := w.in.ReadString('\n'); line != "STORED\r\n" {
					t.Errorf("%q, %v", line, err)
					return
				}
			}
		})
	}
	all.Wait()
	next := make([]int, conns)
	for _, line := range p.Commands() {
		var c, size int
		if _, err := fmt.Sscanf(line, "set c%d 0 0 %d", &c, &size); err != nil || size != next[c] {
			t.Fatalf("%q, %v; want size %d", line, err, next[c])
		}
		next[c]++
	}
	for c, n := range next {
		if n != each {
			t.Errorf("connection %d: %d commands", c, n)
		}
	}
}

func TestProxyPassesOnWhatItDoesNotKnow(t *testing.T) {
	server := msmtest.StartServer(t).Addr()
	for name, c := range map[string]struct{ send, answer string }{
		"an unknown word":        {"frobnicate\r\n", "ERROR"},
		"an empty line":          {"\r\n", "ERROR"},
		"data without a size":    {"set a 0 0\r\n", "ERROR"},
		"a size that is none":    {"set a 0 0 x\r\n", "CLIENT_ERROR bad command line format"},
		"data of another length": {"set a 0 0 1\r\nxyzget b\r\n", "CLIENT_ERROR bad data chunk"}, // not a get
	} {
		t.Run(name, func(t *testing.T) {
			r := &reporter{TB: t}
			w := dial(t, msmtest.StartProxy(r, server).Addr())
			w.send(c.send)
			w.want(c.answer)
			w.send("mn\r\n")
			for { // memcached may have more to say about the odd command
				_ = w.SetReadDeadline(time.Now().Add(patience))
				if line, err := w.in.ReadString('\n'); err != nil {
					t.Fatal(err)
				} else if line == "MN\r\n" {
					break
				}
			}
			if !strings.Contains(r.all(), "not memcached's text protocol") {
				t.Errorf("reported: %q", r.all())
			}
		})
	}
	t.Run("the binary protocol", func(t *testing.T) {
		r := &reporter{TB: t}
		w := dial(t, msmtest.StartProxy(r, server).Addr())
		w.send("\x80\x0b" + strings.Repeat("\x00", 22)) // version
		_ = w.SetReadDeadline(time.Now().Add(patience))
		if magic, err := w.in.ReadByte(); magic != 0x81 || !strings.Contains(r.all(), "text protocol") {
			t.Errorf("%x, %v; reported: %q", magic, err, r.all())
		}
	})
}

func TestProxyKnowsCommandsWithAndWithoutData(t *testing.T) {
	p := msmtest.StartProxy(t, msmtest.StartServer(t).Addr())
	w := dial(t, p.Addr())
	var want []string
	for _, c := range [][]string{ // the command with its data, and the answer
		{"set a 0 0 0\r\n", "STORED"},
		{"append a 0 0 2\r\n\r\n", "STORED"},
		{"ms b 3 T9\r\nget", "HD"},
		{"mg b", "HD"},
		{"touch b 9", "TOUCHED"},
		{"gat 9 c", "END"},
		{"delete a", "DELETED"},
		{"flush_all", "OK"},
	} {
		w.send(c[0] + "\r\n")
		w.want(c[1])
		line, _, _ := strings.Cut(c[0], "\r")
		want = append(want, line)
	}
	if got := p.Commands(); !slices.Equal(got, want) {
		t.Errorf("%q; want %q", got, want)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	outer := t
	before := runtime.NumGoroutine()
	var pid int
	t.Run("inner", func(t *testing.T) {
		p := msmtest.StartProxy(t, msmtest.StartServer(t).Addr())
		w := dial(outer, p.Addr()) // clients with pools keep connections for longer than a test
		w.send("stats\r\n")
		line, _ := w.in.ReadString('\n')
		if _, err := fmt.Sscanf(line, "STAT pid %d", &pid); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	})
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the server still runs: %v", err)
	}
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines, %d before", now, before)
	}
}
