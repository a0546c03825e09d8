//go:build unix

package memcache

import (
	"net"
	"syscall"
)

// liveness returns a function that reports whether an idle connection can still be used: it is open, and has nothing to
// read, since no answer is due. The function does not block, and costs one system call.
func liveness(c net.Conn) (alive func() bool) {
	if wrapped, ok := c.(interface{ NetConn() net.Conn }); ok { // a connection of crypto/tls
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
