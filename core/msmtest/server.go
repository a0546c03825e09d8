// Package msmtest helps to test programs that use msm with real parts: memcached processes that can be killed, stopped
// and started again, and a proxy that sees what is sent to them.
package msmtest

import (
	"bufio"
	"fmt"
	"net"
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
	cmd  *exec.Cmd
}

// StartServer starts memcached on a free port, with further arguments if any, and ends it with the test.
func StartServer(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("memcached"); err != nil {
		t.Fatal("memcached is not installed; `make test` installs it: ", err)
	}
	s := &Server{t: t, args: args}
	for range 5 { // someone else may take the port in between
		s.port = freePort(t)
		if s.start() {
			t.Cleanup(s.Kill)
			return s
		}
	}
	t.Fatal("memcached does not start")
	return nil
}

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
	_ = s.cmd.Wait() // says that it was killed
	s.cmd = nil
}

// Restart starts the process again, on the same address and empty.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	if !s.start() {
		s.t.Fatalf("memcached does not start again on %s", s.Addr())
	}
}

// Stop halts the process with SIGSTOP: connections stay open, and nothing is answered.
func (s *Server) Stop() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
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

// Keys lists the keys of all values that the server has.
func (s *Server) Keys() (keys []string) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprint(conn, "lru_crawler metadump all\r\n"); err != nil {
		s.t.Fatal(err)
	}
	for lines := bufio.NewScanner(conn); lines.Scan() && lines.Text() != "END"; {
		key, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "key="), " ")
		keys = append(keys, key)
	}
	return keys
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
	s.cmd = exec.Command("memcached", args...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if s.answers() {
			return true
		}
	}
	s.Kill()
	return false
}

// answers: it is this process, and not another one that was faster to take the port.
func (s *Server) answers() bool {
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := fmt.Fprint(conn, "stats\r\n"); err != nil {
		return false
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && strings.TrimSpace(line) == fmt.Sprintf("STAT pid %d", s.cmd.Process.Pid)
}
