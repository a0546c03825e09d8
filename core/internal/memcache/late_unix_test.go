//go:build unix

package memcache_test

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
)

// stoppedTimeout is long compared with the time in which a busy machine stops a process that has sent its request.
const stoppedTimeout = 2 * time.Second

// TestAStoppedProcess stops a process (SIGSTOP) for longer than its timeout, and has the answer arrive meanwhile.
func TestAStoppedProcess(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var said strings.Builder
	process := exec.Command(os.Args[0], "-test.run=^TestInAStoppedProcess$", "-test.v")
	process.Env, process.Stdout = append(os.Environ(), "NODE="+l.Addr().String()), &said
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = bufio.NewReader(conn).ReadString('\n')
	_ = process.Process.Signal(syscall.SIGSTOP)
	say(conn, "END\r\n")
	time.Sleep(stoppedTimeout * 3 / 2)
	_ = process.Process.Signal(syscall.SIGCONT)
	if err := process.Wait(); err != nil || !strings.Contains(said.String(), "PASS: TestInAStoppedProcess") {
		t.Errorf("%v: %s", err, said.String())
	}
}

// TestInAStoppedProcess is what runs in that process.
func TestInAStoppedProcess(t *testing.T) {
	addr := os.Getenv("NODE")
	if addr == "" {
		t.Skip("it is run by TestAStoppedProcess")
	}
	c := newMemcached(t, addr, memcache.ClientOptions{Timeout: stoppedTimeout})
	if _, err := c.Get(t.Context(), "a"); !errors.Is(err, memcache.ErrMiss) {
		t.Errorf("%v", err)
	}
}
