//go:build unix

package msmtest

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a real memcached process on the loopback interface. A method that cannot do what it says fails the test.
// The methods must not be called concurrently.
type Server struct {
	t    testing.TB
	args []string
	port int

	cmd    *exec.Cmd     // nil while none runs
	exited chan struct{} // closed when the process has ended
	said   bytes.Buffer  // the process's stderr; read it only after exited is closed
}

// StartServer starts memcached on a free port with the given further arguments. The server ends with the test. Without
// memcached on the machine the test fails.
func StartServer(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("memcached"); err != nil {
		t.Fatal("memcached is not installed; `make test` installs it: ", err)
	}
	s := &Server{t: t, args: args}
	t.Cleanup(s.Kill)
	for range attempts {
		s.port = claimPort(t)
		if s.start() {
			return s
		}
	}
	t.Fatalf("memcached does not start: %s", &s.said)
	return nil
}

// attempts is how often to try to start a process: another one may take the free port first.
const attempts = 5

// claimPort returns a port that no other server of any test gets before this test ends, even while nothing listens
// there: a node that is down must not come up as another test's. A UDP socket of that number is the claim.
func claimPort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 10_000 + rand.IntN(20_000) // below those that systems give out
		claim, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			t.Cleanup(func() { _ = claim.Close() })
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// Addr returns the host and port of the server.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Kill ends the process with SIGKILL, as a crash does. All values are lost.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.exited
	s.cmd = nil
}

// Restart ends the process if it runs, and starts it again: at the same address, and empty.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if s.start() {
			return
		}
		// the port may be in use as the local end of another connection
	}
	s.t.Fatalf("memcached does not start again on %s: %s", s.Addr(), &s.said)
}

// Stop halts the process with SIGSTOP: connections stay open, and nothing is answered.
func (s *Server) Stop() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if s.halted() {
			return
		}
	}
	s.t.Fatal("memcached does not stop")
}

// Continue lets a stopped process go on (SIGCONT). It then handles all that it was sent meanwhile.
func (s *Server) Continue() {
	s.t.Helper()
	s.signal(syscall.SIGCONT)
}

// Keys returns the keys of all values that the server has, each once, in no particular order. It needs memcached 1.6.9
// or later, which can list its hash table: the LRU lists would miss values that move meanwhile.
func (s *Server) Keys() []string {
	s.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		keys, err := s.keys()
		if err == nil {
			return keys
		}
		if !errors.Is(err, errBusy) || time.Now().After(end) {
			s.t.Fatalf("keys of memcached: %v", err)
		}
	}
}

var errBusy = errors.New("its own crawler is at work")

func (s *Server) keys() (keys []string, err error) {
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprint(conn, "lru_crawler metadump hash\r\n"); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		word, _, _ := strings.Cut(lines.Text(), " ")
		escaped, isKey := strings.CutPrefix(word, "key=")
		key, err := url.PathUnescape(escaped)
		switch {
		case word == "END":
			return keys, nil
		case word == "BUSY":
			return nil, errBusy
		case !isKey || err != nil:
			return nil, fmt.Errorf("%q", lines.Text())
		}
		keys = append(keys, key)
	}
	return nil, fmt.Errorf("the list ends early: %w", cmp.Or(lines.Err(), io.ErrUnexpectedEOF))
}

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if s.cmd == nil {
		s.t.Fatalf("memcached is not running: %v", sig)
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// halted reports whether the process is stopped, as Linux's /proc says. Without /proc it returns true.
func (s *Server) halted() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return true
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(after, "T")
}

// start starts the process, and reports whether it answers.
func (s *Server) start() bool {
	args := append([]string{"-l", "127.0.0.1", "-p", fmt.Sprint(s.port), "-U", "0"}, s.args...)
	if os.Getuid() == 0 {
		args = append(args, "-u", "root") // memcached refuses to run as root unless told to
	}
	s.said.Reset()
	s.cmd, s.exited = exec.Command("memcached", args...), make(chan struct{})
	s.cmd.Stderr = &s.said
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		s.t.Fatal(err)
	}
	go wait(s.cmd, s.exited)
	for end := time.Now().Add(patience); time.Now().Before(end) && !s.ended(); time.Sleep(2 * time.Millisecond) {
		if s.answers() {
			return true
		}
	}
	s.Kill()
	return false
}

func wait(cmd *exec.Cmd, exited chan<- struct{}) {
	_ = cmd.Wait() // the error only says that it was killed
	close(exited)
}

// ended reports whether the process has ended. A port in use or a bad argument ends memcached at once.
func (s *Server) ended() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

// answers reports whether this process answers, and not another one that has taken the port first.
func (s *Server) answers() bool {
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		return false
	}
	defer conn.Close()
	if slices.Contains(s.args, "-Z") || slices.Contains(s.args, "-Y") {
		return true // it tells its process only by TLS, or with a password; nobody else has claimed the port
	}
	_ = conn.SetDeadline(time.Now().Add(patience / 10)) // another process on the port may never say anything
	if _, err := fmt.Fprint(conn, "stats\r\n"); err != nil {
		return false
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && strings.TrimSpace(line) == fmt.Sprintf("STAT pid %d", s.cmd.Process.Pid)
}
