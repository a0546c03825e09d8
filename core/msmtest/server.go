//go:build unix

package msmtest

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a real memcached process on loopback. Its methods fail the test if they cannot do what they say. They are
// not safe for concurrent use with each other.
type Server struct {
	t    testing.TB
	args []string
	port int

	cmd    *exec.Cmd // nil while none runs
	exited chan struct{}
	said   bytes.Buffer // its stderr; read it only after exited
}

// StartServer starts memcached on a free port, with further arguments if any, and ends it with the test.
func StartServer(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("memcached"); err != nil {
		t.Fatal("memcached is not installed; `make test` installs it: ", err)
	}
	s := &Server{t: t, args: args}
	t.Cleanup(s.Kill)
	for range attempts {
		s.port = freePort(t)
		if s.start() {
			return s
		}
	}
	t.Fatalf("memcached does not start: %s", &s.said)
	return nil
}

// attempts to start a process: somebody else may take the port in between.
const attempts = 5

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Addr is host and port of the server.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Kill ends the process with SIGKILL, as a crash does. All it kept is lost.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.exited
	s.cmd = nil
}

// Restart starts the process again, on the same address and empty.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if s.start() {
			return
		}
		// the port may be the near end of somebody's connection
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

// Continue lets a stopped process go on, with all that it was sent meanwhile.
func (s *Server) Continue() {
	s.t.Helper()
	s.signal(syscall.SIGCONT)
}

// Keys lists the keys of all values that the server has, in no order, each once. It needs memcached 1.6.9: only a walk of
// the hash table misses nothing that moves in the LRU meanwhile.
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

// halted looks at Linux's /proc; elsewhere the signal has to do.
func (s *Server) halted() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return true
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(after, "T")
}

func (s *Server) start() bool {
	args := append([]string{"-l", "127.0.0.1", "-p", fmt.Sprint(s.port), "-U", "0"}, s.args...)
	if os.Getuid() == 0 {
		args = append(args, "-u", "root") // it refuses to run as root unasked
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
	_ = cmd.Wait() // says that it was killed
	close(exited)
}

// ended: a port in use or a bad argument ends memcached at once.
func (s *Server) ended() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

// answers: it is this process, and not another one that was faster to take the port.
func (s *Server) answers() bool {
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience / 10)) // a stranger on our port may say nothing at all
	if _, err := fmt.Fprint(conn, "stats\r\n"); err != nil {
		return false
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && strings.TrimSpace(line) == fmt.Sprintf("STAT pid %d", s.cmd.Process.Pid)
}
