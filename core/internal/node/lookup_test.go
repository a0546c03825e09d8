package node_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
)

// TestASlowLookUp checks that the error says so if looking up the host name takes too long, also for Keys. The
// resolver's server is silent.
func TestASlowLookUp(t *testing.T) {
	t.Parallel()
	mute, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	slow := net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("udp", mute.LocalAddr().String())
	}}
	const name, timeout = "cache1.example", 50 * time.Millisecond
	c := newMemcached(t, name+":11211", memcache.ClientOptions{Timeout: timeout, DialContext: (&net.Dialer{Resolver: &slow}).DialContext})
	for op, do := range map[string]func() error{
		"probe": func() error { return node.New("n1", name, c, options).Probe(t.Context()) },
		"get":   func() error { _, err := c.Get(t.Context(), "a"); return err },
		"keys":  func() error { return c.Keys(t.Context(), "", func(string) {}) },
	} {
		err := do()
		if err == nil || !strings.Contains(err.Error(), "looking up cache1.example took longer than OpTimeout (50ms)") || !node.OutOfTime(err) {
			t.Errorf("%s: %v", op, err)
		}
	}
}
