package memcache

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/gomsm/msm/core/internal/random"
)

// ClientOptions configure a client of a memcached server.
type ClientOptions struct {
	Timeout  time.Duration // of one operation as a whole, including the dial; zero: 250ms
	MaxConns int           // connections at a time; zero: 64. An operation that finds none free waits, see Memcached
	// DialContext connects to the server; nil: that of a net.Dialer. The network is "tcp" or "unix".
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	TLS         *tls.Config             // of connections; nil: no TLS
	Secrets     func() (Secrets, error) // called for each connection; nil: the server wants no password
	Random      *random.Source          // for simulations, in which no two operations may begin at the same moment; otherwise nil
}

func (o ClientOptions) withDefaults() ClientOptions {
	if o.Timeout == 0 {
		o.Timeout = 250 * time.Millisecond
	}
	if o.MaxConns == 0 {
		o.MaxConns = 64
	}
	if o.DialContext == nil {
		o.DialContext = (&net.Dialer{}).DialContext
	}
	return o
}
