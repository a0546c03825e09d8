package memcache_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/msmtest"
)

// TestAnAnswerAboutAnotherKey checks that such an answer counts neither as a hit nor as a miss, and that its connection
// is not used again.
func TestAnAnswerAboutAnotherKey(t *testing.T) {
	for op, read := range requests {
		if !strings.HasPrefix(op, "Get") {
			continue
		}
		t.Run(op, func(t *testing.T) {
			p := &pipes{serve: func(number int, lines *bufio.Scanner, conn net.Conn) {
				for lines.Scan() {
					say(conn, map[bool]string{true: "VALUE z 0 1 1\r\nx\r\n"}[number == 1]+"END\r\n")
				}
			}}
			c := newMemcached(t, "n1:11211", memcache.ClientOptions{Timeout: generous, DialContext: p.dial})
			if err := read(t.Context(), c); err == nil || errors.Is(err, memcache.ErrMiss) {
				t.Errorf("%v", err)
			}
			if err := read(t.Context(), c); err != nil && !errors.Is(err, memcache.ErrMiss) || p.dials.Load() != 2 {
				t.Errorf("then: %v, after %d dials", err, p.dials.Load())
			}
		})
	}
}

// TestAServerThatClosesIdleConnections simulates memcached's idle_timeout, and firewalls. Later connections lead to a
// server that does not close them: otherwise a process that stands still for a second between dial and write would lose
// its connection there too.
func TestAServerThatClosesIdleConnections(t *testing.T) {
	t.Parallel()
	addr, later := msmtest.StartServer(t, "-o", "idle_timeout=1").Addr(), msmtest.StartServer(t).Addr()
	var mu sync.Mutex
	var conns []net.Conn
	c := newMemcached(t, addr, memcache.ClientOptions{
		Timeout: generous,
		DialContext: func(_ context.Context, network, _ string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			conn, err := net.Dial(network, addr)
			if err == nil {
				conns = append(conns, conn)
			}
			return conn, err
		},
	})
	add := func(round string) func(int) error {
		return func(i int) error {
			return c.Add(t.Context(), fmt.Sprint(round, i), memcache.Item{Value: make([]byte, 5000)}, 0)
		}
	}
	if errs := inParallel(16, add("before")); len(errs) == 16 {
		t.Fatal(errs)
	}
	for _, conn := range conns { // no operation is reading from them
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
			t.Fatalf("memcached does not close it: %v", err)
		}
	}
	addr = later
	if errs := inParallel(16, add("after")); len(errs) > 0 {
		t.Errorf("%d of 16 adds failed: %v", len(errs), errs[0])
	}
}

// TestAServerThatTakesNoMoreConnections checks that the error is ErrBusy when the server has reached its limit
// (memcached -c) and closes the connection, even if the client is still writing. It is no evidence against the node:
// existing connections are served.
func TestAServerThatTakesNoMoreConnections(t *testing.T) {
	s := msmtest.StartServer(t, "-c", "32")
	first := newMemcached(t, s.Addr(), memcache.ClientOptions{Timeout: generous})
	second := newMemcached(t, s.Addr(), memcache.ClientOptions{Timeout: generous})
	if _, err := first.Get(t.Context(), "a"); !errors.Is(err, memcache.ErrMiss) {
		t.Fatal(err)
	}
	release := exhaust(t, s.Addr())
	for op, do := range map[string]func() error{
		"Get":         func() error { _, err := second.Get(t.Context(), "a"); return err },
		"Add":         func() error { return second.Add(t.Context(), "a", memcache.Item{}, 0) },
		"a large Add": func() error { return second.Add(t.Context(), "a", memcache.Item{Value: make([]byte, 500_000)}, 0) },
		"Keys":        func() error { return second.Keys(t.Context(), "", func(string) {}) },
	} {
		for range 10 { // the server may close the connection before or after each write
			if err := do(); !errors.Is(err, memcache.ErrBusy) {
				t.Errorf("%s: %v", op, err)
			}
		}
	}
	if _, err := first.Get(t.Context(), "a"); !errors.Is(err, memcache.ErrMiss) {
		t.Errorf("who has a connection: %v", err)
	}
	release()
	eventually(t, "room for a connection", func() bool { _, err := second.Get(t.Context(), "a"); return errors.Is(err, memcache.ErrMiss) })
}

// exhaust opens connections to a server until it accepts no more.
func exhaust(t *testing.T, addr string) (release func()) {
	t.Helper()
	var taken []net.Conn
	release = func() {
		for _, conn := range taken {
			_ = conn.Close()
		}
	}
	t.Cleanup(release)
	for range 100 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, conn)
		say(conn, "version\r\n")
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if line, _ := bufio.NewReader(conn).ReadString('\n'); strings.HasPrefix(line, "ERROR") {
			return release
		}
	}
	t.Fatal("it takes any number of connections")
	return nil
}

// TestUnixSocket uses a unix socket of memcached, before and after a restart.
func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	c := newMemcached(t, path, memcache.ClientOptions{Timeout: generous})
	for _, key := range []string{"before", "after"} {
		end := startOnSocket(t, path)
		if err := c.Add(t.Context(), key, memcache.Item{}, 0); err != nil {
			t.Errorf("%s a restart: %v", key, err)
		}
		end()
	}
}

func startOnSocket(t *testing.T, path string) (end func()) {
	t.Helper()
	cmd := exec.Command("memcached", "-s", path, "-u", "root")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end = func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); _ = os.Remove(path) }
	t.Cleanup(end)
	eventually(t, "memcached on "+path, func() bool {
		conn, err := net.Dial("unix", path)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return end
}

// TestTLS checks a dial hook that uses TLS: connections are reused, and those that died while idle are noticed.
func TestTLS(t *testing.T) {
	s := msmtest.StartServer(t)
	certificate, roots := selfSigned(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var open atomic.Int32
	go terminate(l, s.Addr(), &open)

	var dials atomic.Int32
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots}}
	c := newMemcached(t, l.Addr().String(), memcache.ClientOptions{
		Timeout: generous,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dials.Add(1)
			return dialer.DialContext(ctx, network, address)
		},
	})
	for i := range 20 {
		if err := c.Add(t.Context(), fmt.Sprint(i), memcache.Item{Value: make([]byte, 5000)}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections for 20 adds, one after another", n)
	}
	add := func(round string) func(int) error {
		return func(i int) error { return c.Add(t.Context(), fmt.Sprint(round, i), memcache.Item{}, 0) }
	}
	if errs := inParallel(16, add("before")); len(errs) > 0 {
		t.Fatal(errs)
	}
	s.Restart()
	eventually(t, "no connection outlives the server", func() bool { return open.Load() == 0 })
	if errs := inParallel(50, add("after")); len(errs) > 0 {
		t.Errorf("%d of 50 adds after a restart failed: %v", len(errs), errs[0])
	}
}

// terminate runs a TLS front of a server. When the server closes a connection, so does the front.
func terminate(l net.Listener, server string, open *atomic.Int32) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		open.Add(1)
		go func() {
			defer open.Add(-1)
			defer in.Close()
			out, err := net.Dial("tcp", server)
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
			_, _ = io.Copy(in, out)
		}()
	}
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
