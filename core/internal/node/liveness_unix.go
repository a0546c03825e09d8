//go:build unix

package node

import (
	"net"
	"syscall"
)

// liveness answers a function that looks whether an idle connection is still good: open, and with nothing to read, for
// we are owed nothing. It does not block, and costs one system call.
func liveness(c net.Conn) (alive func() bool) {
	if wrapped, ok := c.(interface{ NetConn() net.Conn }); ok { // crypto/tls
		c = wrapped.NetConn()
	}
	sc, ok := c.(syscall.Conn)
	if !ok {
		return func() bool { return true }
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return func() bool { return false }
	}
	var quiet bool
	peek := func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = err == syscall.EAGAIN
	}
	return func() bool {
		quiet = false
		return raw.Control(peek) == nil && quiet
	}
}
