package msm_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"

	"github.com/gomsm/msm/core/msmtest"
)

// TestRefillThroughAProxy has a proxy that hangs up on commands that it does not know, as some do. That counts as a
// server that does not list its keys.
func TestRefillThroughAProxy(t *testing.T) {
	t.Parallel()
	var direct net.Dialer
	refillIsForbidden(t, msmtest.StartServer(t), msmtest.StartServer(t), func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := direct.DialContext(ctx, network, address)
		return &picky{Conn: conn}, err
	})
}

// picky is a connection through a proxy that hangs up when it is asked for a list of keys.
type picky struct {
	net.Conn
	hungUp bool
}

func (p *picky) Write(b []byte) (int, error) {
	p.hungUp = p.hungUp || bytes.HasPrefix(b, []byte("lru_crawler "))
	if p.hungUp {
		return len(b), nil
	}
	return p.Conn.Write(b)
}

func (p *picky) Read(b []byte) (int, error) {
	if p.hungUp {
		return 0, io.EOF
	}
	return p.Conn.Read(b)
}
