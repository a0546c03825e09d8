package memcache_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/msmtest"
)

func newMemcached(t *testing.T, addr string, o memcache.ClientOptions) *memcache.Memcached {
	c := memcache.NewMemcached(addr, o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// inParallel calls f n times in parallel and returns the errors.
func inParallel(n int, f func(i int) error) (errs []error) {
	var all sync.WaitGroup
	list := make([]error, n)
	for i := range n {
		all.Go(func() { list[i] = f(i) })
	}
	all.Wait()
	for _, err := range list {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// TestARestartCostsNoError checks what gomemcache alone does not do: it fails once for every pooled connection.
func TestARestartCostsNoError(t *testing.T) {
	s := msmtest.StartServer(t)
	c := newMemcached(t, s.Addr(), memcache.ClientOptions{Timeout: generous})
	add := func(round string) func(int) error {
		return func(i int) error {
			return c.Add(t.Context(), fmt.Sprint(round, i), memcache.Item{Value: make([]byte, 5000)}, 0)
		}
	}
	if errs := inParallel(64, add("before")); len(errs) > 0 {
		t.Fatal(errs)
	}
	s.Restart()
	if errs := inParallel(150, add("after")); len(errs) > 0 {
		t.Errorf("%d of 150 adds failed: %v", len(errs), errs[0])
	}
}

// TestADeadNodeFailsFast checks F-01: the connection is refused, and no operation waits for an answer.
func TestADeadNodeFailsFast(t *testing.T) {
	s := msmtest.StartServer(t)
	c := newMemcached(t, s.Addr(), memcache.ClientOptions{Timeout: patience})
	_, _ = c.Get(t.Context(), "a")
	s.Kill()
	if _, err := c.Get(t.Context(), "a"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v", err)
	}
}

// TestAHungNodeCostsOneTimeout checks F-02, including the wait for a connection: it ends when the first operation times
// out, and then nothing is sent. TestWaitingForAConnection shows when.
func TestAHungNodeCostsOneTimeout(t *testing.T) {
	t.Parallel()
	s := msmtest.StartServer(t)
	c := newMemcached(t, s.Addr(), memcache.ClientOptions{Timeout: 2 * time.Second, MaxConns: 16})
	_, _ = c.Get(t.Context(), "a")
	s.Stop()
	errs := inParallel(32, func(int) error { _, err := c.Get(t.Context(), "a"); return err })
	if len(errs) != 32 {
		t.Errorf("%d of 32 failed", len(errs))
	}
	for _, err := range errs {
		if errors.Is(err, memcache.ErrBusy) || errors.Is(err, memcache.ErrMiss) {
			t.Errorf("not a failure of the node: %v", err)
		}
	}
}

// TestADripFeedingNodeCostsOneTimeout checks F-06. gomemcache restarts its timeout with every item that it reads, and
// each of these arrives in less time.
func TestADripFeedingNodeCostsOneTimeout(t *testing.T) {
	const timeout = 400 * time.Millisecond
	drip := func(_ int, lines *bufio.Scanner, conn net.Conn) {
		lines.Scan()
		for _, b := range []byte("VALUE a 0 1 1\r\nx\r\nVALUE b 0 1 1\r\nx\r\nEND\r\n") {
			if _, err := conn.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	for op, read := range requests {
		if !strings.HasPrefix(op, "Get") {
			continue
		}
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newMemcached(t, "n1:11211", memcache.ClientOptions{Timeout: timeout, DialContext: (&pipes{serve: drip}).dial})
				began := time.Now()
				if err := read(t.Context(), c); err == nil || time.Since(began) != timeout {
					t.Errorf("%v after %v", err, time.Since(began))
				}
				time.Sleep(time.Second) // until the server's goroutine has ended
			})
		})
	}
}

// TestWhatANodeSays checks that a line that does not answer the question is a failure, and that the connection is not
// used again.
func TestWhatANodeSays(t *testing.T) {
	for name, c := range map[string]struct {
		says string
		want error // nil: some other error
	}{
		"a value under another key":   {"VALUE other 0 1 1\r\nx\r\nEND\r\n", nil},
		"out of memory":               {"SERVER_ERROR out of memory storing object\r\n", memcache.ErrFull},
		"out of memory, in capitals":  {"SERVER_ERROR Out of memory allocating headers\r\n", memcache.ErrFull},
		"other trouble of its own":    {"SERVER_ERROR internal error\r\n", memcache.ErrRefused},
		"too many open connections":   {"ERROR Too many open connections\r\n", memcache.ErrBusy},
		"an unknown command":          {"ERROR\r\n", nil},
		"nonsense":                    {"\x00\xff\r\n", nil},
		"a size that is no number":    {"VALUE a 0 x 1\r\n", nil},
		"a size beyond all reason":    {"VALUE a 0 99999999999999999999 1\r\n", nil},
		"a value without its end":     {"VALUE a 0 1 1\r\nxx", nil},
		"a value that is too large":   {"SERVER_ERROR object too large for cache\r\n", memcache.ErrTooLarge},
		"that it wants a password":    {"CLIENT_ERROR unauthenticated\r\n", nil},
		"that the key does not exist": {"END\r\n", memcache.ErrMiss},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &pipes{serve: func(_ int, lines *bufio.Scanner, conn net.Conn) {
					for lines.Scan() {
						say(conn, c.says)
					}
				}}
				m := newMemcached(t, "n1:11211", memcache.ClientOptions{DialContext: p.dial})
				_, err := m.Get(t.Context(), "a")
				if err == nil || c.want != nil && !errors.Is(err, c.want) || c.want == nil && errors.Is(err, memcache.ErrMiss) {
					t.Errorf("%v", err)
				}
				_, _ = m.Get(t.Context(), "a")
				if again := p.dials.Load() == 1; again != errors.Is(c.want, memcache.ErrMiss) {
					t.Errorf("the connection is used again: %v", again)
				}
			})
		})
	}
}

// TestTheRequestsTimeIsNotTheNodes checks that a context that ends first is no evidence against the node.
func TestTheRequestsTimeIsNotTheNodes(t *testing.T) {
	s := msmtest.StartServer(t)
	c := newMemcached(t, s.Addr(), memcache.ClientOptions{Timeout: patience})
	_, _ = c.Get(t.Context(), "a")
	s.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Get(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() == nil {
		t.Errorf("%v", err)
	}
}

// TestAllConnectionsInUse checks that a waiting operation gets the connection whose user has run out of the request's
// time.
func TestAllConnectionsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{serve: func(number int, lines *bufio.Scanner, conn net.Conn) {
			for lines.Scan() {
				if number > 1 {
					say(conn, "END\r\n")
				}
			}
		}}
		c := newMemcached(t, "n1:11211", memcache.ClientOptions{Timeout: time.Second, MaxConns: 1, DialContext: p.dial})
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		defer cancel()
		first := make(chan error, 1)
		go func() { _, err := c.Get(ctx, "a"); first <- err }()
		synctest.Wait()
		began := time.Now()
		if _, err := c.Get(t.Context(), "a"); !errors.Is(err, memcache.ErrMiss) || time.Since(began) != 700*time.Millisecond {
			t.Errorf("the second, which had to wait: %v after %v", err, time.Since(began))
		}
		if err := <-first; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the first: %v", err)
		}
	})
}

func TestAddresses(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "memcached.sock")
	for name, addr := range map[string]string{
		"a host name":   strings.Replace(msmtest.StartServer(t).Addr(), "127.0.0.1", "localhost", 1),
		"a unix socket": relay(t, "unix", socket, msmtest.StartServer(t).Addr()),
		"IPv6":          relay(t, "tcp", "[::1]:0", msmtest.StartServer(t).Addr()),
	} {
		t.Run(name, func(t *testing.T) {
			c := newMemcached(t, addr, memcache.ClientOptions{Timeout: generous})
			if err := c.Add(t.Context(), "a", memcache.Item{Value: []byte("x")}, 0); err != nil {
				t.Error(err)
			}
			if it, err := c.Get(t.Context(), "a"); err != nil || string(it.Value) != "x" {
				t.Errorf("%s, %v", it.Value, err)
			}
		})
	}
}

// relay listens on an address and forwards connections to a server. It returns its address.
func relay(t *testing.T, network, addr, server string) string {
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", server)
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
		}
	}()
	return l.Addr().String()
}

func TestCloseLeavesNothing(t *testing.T) {
	addr := msmtest.StartServer(t).Addr()
	before := runtime.NumGoroutine()
	var mu sync.Mutex
	var conns []net.Conn
	c := memcache.NewMemcached(addr, memcache.ClientOptions{
		Timeout: generous,
		DialContext: func(_ context.Context, network, address string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			conn, err := net.Dial(network, address)
			conns = append(conns, conn)
			return conn, err
		},
	})
	inParallel(32, func(int) error { _, err := c.Get(t.Context(), "a"); return err })
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	for _, conn := range conns {
		if err := conn.SetDeadline(time.Time{}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a connection is open: %v", err)
		}
	}
	eventually(t, fmt.Sprintf("no more goroutines than before, %d", before), func() bool { return runtime.NumGoroutine() <= before })
}
