package msm_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// TestRefillIsForbidden checks that servers that do not list their keys are logged once, and that copies are repaired
// on access.
func TestRefillIsForbidden(t *testing.T) {
	t.Parallel()
	refillIsForbidden(t, msmtest.StartServer(t, "-o", "no_lru_crawler"), msmtest.StartServer(t, "-X"), nil)
}

func refillIsForbidden(t *testing.T, n1, n2 *msmtest.Server, dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	log := &logged{}
	m := newManager(t, msm.Config{Nodes: "n1:" + n1.Addr() + ",n2:" + n2.Addr(), DialContext: dial, Logger: slog.New(slog.NewTextHandler(log, nil))})
	c := &cluster{serve(t, counting(m)), m, map[string]*msmtest.Server{"n1": n1, "n2": n2}}
	unlisted := func() bool { s := refillOf(c.manager, "n1"); return s != nil && s.State == msm.RefillUnlisted }
	waitFor(t, "the first look", unlisted)
	v := c.visitors(50)
	v.each(v.count)
	n1.Kill()
	waitFor(t, "the outage to be noticed", func() bool { return !allUp(m) })
	n1.Restart()
	waitFor(t, "the attempt", func() bool { return allUp(m) && unlisted() })
	if r := refillOf(c.manager, "n1"); r.Total != 0 || r.Healed != 0 {
		t.Errorf("%+v", r)
	}
	v.each(func(i int) { v.ask(i, "GET") })
	healed(t, m)
	n2.Kill()
	v.check()
	if n := log.count("a node does not list"); n != 2 {
		t.Errorf("said %d times", n)
	}
}

// TestARefillThatIsForbiddenIsSaidOnce checks that it is logged once for each server, not whenever a node comes back.
func TestARefillThatIsForbiddenIsSaidOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, log := newNetwork(t, 3), &logged{}
		w.servers["n1"].unlist, w.servers["n2"].unlist = true, true
		m := w.manager(msm.Config{Logger: slog.New(slog.NewTextHandler(log, nil))})
		for range 3 {
			begin(t, m, func(s *msm.Session) { add(s) })
			time.Sleep(20 * time.Second)
			w.servers["n3"].halt()
			time.Sleep(time.Second)
			w.servers["n3"].goOn()
		}
		time.Sleep(20 * time.Second)
		if n := log.count("a node does not list"); n != 2 {
			t.Errorf("said %d times", n)
		}
		for _, id := range []string{"n1", "n2", "n3"} {
			if r := refillOf(m, id); r == nil || r.State != msm.RefillUnlisted {
				t.Errorf("%s: %+v", id, r)
			}
		}
	})
}

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
