package requests

import (
	"context"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// conn is an instance's connection to a server. What is written to it are commands. The server does each in its own
// time, and an answer can be read once it has arrived. Guarded by world.mu.
type conn struct {
	from   *instance
	to     *server
	last   string // the last command that was sent
	life   int    // of the server when it accepted the connection
	sent   []byte // not a whole command yet
	came   []byte // not read yet
	broken error  // what a read finds after came; nil: it waits
	closed bool
	until  time.Time
	ready  chan struct{} // has room for one; signals that something has changed
}

// command is a command that an instance has sent.
type command struct{ nodetest.Command }

// text returns the command without values that a seed does not decide, such as CAS tokens.
func (c command) text() string {
	if c.Stores() {
		return c.Words[0] + " " + c.Key()
	}
	return strings.Join(c.Words, " ")
}

// dial takes no time: it must make no difference which of two simultaneous operations gets an idle connection, and
// which a new one.
func (in *instance) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	in.run("dial " + host)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := in.world
	w.mu.Lock()
	s := w.server(host)
	hangs := s.cut == in
	w.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case in.dead:
		return nil, net.ErrClosed
	case !s.up:
		return nil, syscall.ECONNREFUSED
	}
	c := &conn{from: in, to: s, life: s.life, ready: make(chan struct{}, 1)}
	s.conns = append(s.conns, c)
	return c, nil
}

func (c *conn) world() *world { return c.from.world }

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	for {
		c.from.run(c.actor())
		n, until, err := c.take(p)
		if n > 0 {
			return n, nil
		}
		if err == nil {
			err = c.wait(until)
		}
		if err != nil {
			c.part()
			return 0, err
		}
	}
}

// part keeps apart what happens next if several connections end at the same moment while somebody waits on them.
func (c *conn) part() { c.from.source.Pause(c.from.source.As(context.Background(), c.actor())) }

// actor returns a name for the user of the connection. It does not depend on which connection an operation got.
func (c *conn) actor() string {
	c.world().mu.Lock()
	defer c.world().mu.Unlock()
	return c.to.name + " " + c.last
}

// take reads what has come.
func (c *conn) take(p []byte) (n int, until time.Time, err error) {
	c.world().mu.Lock()
	defer c.world().mu.Unlock()
	if c.closed {
		return 0, c.until, net.ErrClosed
	}
	if !c.until.IsZero() && !time.Now().Before(c.until) {
		return 0, c.until, os.ErrDeadlineExceeded // whatever has come
	}
	n = copy(p, c.came)
	c.came = c.came[n:]
	if n == 0 {
		err = c.broken
	}
	return n, c.until, err
}

func (c *conn) wait(until time.Time) error {
	if until.IsZero() {
		<-c.ready
		return nil
	}
	left := time.Until(until)
	if left <= 0 {
		return os.ErrDeadlineExceeded
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-c.ready:
		return nil
	case <-timer.C:
		return os.ErrDeadlineExceeded
	}
}

func (c *conn) tell() {
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	c.from.run(c.actor())
	w := c.world()
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case c.closed, c.from.dead:
		return 0, net.ErrClosed
	case c.broken != nil:
		return 0, syscall.EPIPE
	case !c.until.IsZero() && !time.Now().Before(c.until):
		return 0, os.ErrDeadlineExceeded
	}
	c.sent = append(c.sent, p...)
	for {
		cmd, ok := c.whole()
		if !ok {
			return len(p), nil
		}
		c.last = cmd.text()
		c.to.receive(c, cmd)
	}
}

// whole takes a command from what was sent, if all of it is there.
func (c *conn) whole() (command, bool) {
	text, rest, ok := strings.Cut(string(c.sent), "\r\n")
	if !ok {
		return command{}, false
	}
	cmd := command{nodetest.Command{Words: strings.Fields(text)}}
	size := cmd.Size()
	if len(rest) < size {
		return command{}, false
	}
	if cmd.Stores() {
		cmd.Data, rest = []byte(rest[:size-len("\r\n")]), rest[size:]
	}
	c.sent = []byte(rest)
	return cmd, true
}

// end breaks the connection from the side of the server or the network. Guarded by world.mu.
func (c *conn) end(err error) {
	if c.broken == nil {
		c.broken = err
		c.tell()
	}
}

// Close implements net.Conn. What was sent is still under way.
func (c *conn) Close() error {
	c.world().mu.Lock()
	defer c.world().mu.Unlock()
	c.closed = true
	c.tell()
	return nil
}

// SetDeadline implements net.Conn. Nobody reads meanwhile.
func (c *conn) SetDeadline(t time.Time) error {
	c.world().mu.Lock()
	defer c.world().mu.Unlock()
	c.until = t
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }

// SetWriteDeadline implements net.Conn. No write waits.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return &net.UnixAddr{Name: c.from.name, Net: "unix"} }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return &net.UnixAddr{Name: c.to.name, Net: "unix"} }

// quiet is a real socket with nothing to read. The client looks at the file of an idle connection to see whether the
// server has closed it. A living connection shows this one.
var quiet = func() syscall.RawConn {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	raw, err := socket.(*net.UDPConn).SyscallConn()
	if err != nil {
		panic(err)
	}
	return raw
}()

// SyscallConn implements syscall.Conn.
func (c *conn) SyscallConn() (syscall.RawConn, error) { return file{quiet, c}, nil }

type file struct {
	syscall.RawConn
	conn *conn
}

// Control implements syscall.RawConn.
func (f file) Control(do func(fd uintptr)) error {
	f.conn.world().mu.Lock()
	over := f.conn.broken != nil || len(f.conn.came) > 0
	f.conn.world().mu.Unlock()
	if over {
		return io.EOF
	}
	return f.RawConn.Control(do)
}
