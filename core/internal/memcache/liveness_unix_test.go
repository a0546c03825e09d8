//go:build unix

package memcache

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestLiveness checks that only a connection that is open and has nothing to read is good for another operation.
func TestLiveness(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(near, far net.Conn)
		alive   bool
	}{
		"nothing happens":           {func(_, _ net.Conn) {}, true},
		"the server closes":         {func(_, far net.Conn) { _ = far.Close() }, false},
		"the server resets":         {func(_, far net.Conn) { _ = far.(*net.TCPConn).SetLinger(0); _ = far.Close() }, false},
		"a late answer comes":       {func(_, far net.Conn) { _, _ = io.WriteString(far, "END\r\n") }, false},
		"we have closed it already": {func(near, _ net.Conn) { _ = near.Close() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := connected(t)
			alive := liveness(near)
			if !alive() {
				t.Fatal("dead from the beginning")
			}
			c.happens(near, far)
			become(t, alive, c.alive)
		})
	}
	t.Run("it does not read", func(t *testing.T) {
		near, far := connected(t)
		_, _ = io.WriteString(far, "x")
		become(t, liveness(near), false)
		if n, err := near.Read(make([]byte, 2)); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	t.Run("a connection that has no socket is believed", func(t *testing.T) {
		near, _ := net.Pipe()
		if !liveness(near)() {
			t.Error("dead")
		}
	})
}

func become(t *testing.T, alive func() bool, want bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); alive() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("alive: %v", !want)
		}
	}
}

func connected(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = near.Close(); _ = far.Close() })
	return near, far
}

// mortal is a connection that every liveness check finds dead.
type mortal struct{ net.Conn }

func (mortal) SyscallConn() (syscall.RawConn, error) { return nil, net.ErrClosed }

// TestAReplacedConnection checks that the new connection has the deadline of the operation that found the old one dead,
// also for a write: gomemcache sets no deadline for a write after it has got its connection.
func TestAReplacedConnection(t *testing.T) {
	for op, do := range map[string]func(ctx context.Context, c Client) error{
		"Get": func(ctx context.Context, c Client) error { _, err := c.Get(ctx, "a"); return err },
		"Add": func(ctx context.Context, c Client) error { return c.Add(ctx, "a", Item{}, 0) },
	} {
		for what, after := range map[string]time.Duration{"a hung server": 250 * time.Millisecond, "an answer": 0} {
			t.Run(op+", "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					dials := 0
					c := NewMemcached("n1:11211", ClientOptions{DialContext: func(context.Context, string, string) (net.Conn, error) {
						dials++
						near, far := net.Pipe()
						go serveEnds(far, dials == 1 || after == 0)
						return mortal{near}, nil
					}})
					defer c.Close()
					if _, err := c.Get(t.Context(), "b"); !errors.Is(err, ErrMiss) {
						t.Fatal(err)
					}
					began := time.Now()
					err := do(t.Context(), c)
					if took := time.Since(began); dials != 2 || took != after || after > 0 && (err == nil || IsReply(err)) {
						t.Errorf("%v after %v and %d dials", err, took, dials)
					}
				})
			})
		}
	}
}

// serveEnds answers that the key is absent, or reads without answering.
func serveEnds(conn net.Conn, answers bool) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if answers && lines.Text() != "" { // the empty line is the data of an Add
			_, _ = io.WriteString(conn, "END\r\n")
		}
	}
}
