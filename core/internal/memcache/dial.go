package memcache

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// address is the address of the server, and gomemcache's selector for it: one with a single server. It keeps a host
// name, so that every dial resolves it.
type address struct{ network, where string }

// newAddress returns the address for host:port, [ipv6]:port or the path of a unix socket.
func newAddress(addr string) *address {
	if strings.HasPrefix(addr, "/") {
		return &address{"unix", addr}
	}
	return &address{"tcp", addr}
}

func (a *address) Network() string { return a.network }
func (a *address) String() string  { return a.where }

// PickServer is called before gomemcache connects. It refuses bad keys, since gomemcache accepts an empty one.
func (a *address) PickServer(key string) (net.Addr, error) {
	if !legal(key) {
		return nil, errKey
	}
	return a, nil
}

func (a *address) Each(f func(net.Addr) error) error { return f(a) }

// dialer connects to the server.
type dialer func(ctx context.Context) (net.Conn, error)

// newDialer returns a dialer whose error says if the time went by while the host name was looked up. The server is not
// to blame then, and gomemcache's error does not name the reason.
func newDialer(to *address, o ClientOptions) dialer {
	return o.secure(func(ctx context.Context) (net.Conn, error) {
		conn, err := o.DialContext(ctx, to.network, to.where)
		var lookUp *net.DNSError
		if end, ok := ctx.Deadline(); errors.As(err, &lookUp) && lookUp.IsTimeout && ok && !time.Now().Before(end) {
			err = fmt.Errorf("looking up %s took longer than OpTimeout (%v): %w", lookUp.Name, o.Timeout, err)
		}
		return conn, err
	}, to)
}
