package msm_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/msmtest"
)

// TestFailoverNode: MSM's failover nodes. One is used only while no other is available.
func TestFailoverNode(t *testing.T) {
	t.Parallel()
	list, servers := startServers(t, 2)
	m := newManager(t, msm.Config{Nodes: list, FailoverNodes: "n1", Backups: msm.NoBackup})
	c := &cluster{serve(t, counting(m)), m, servers}
	v := c.visitors(8)
	for i := range v.clients {
		v.count(i)
	}
	if v.on("n2") != 8 {
		t.Errorf("%d of 8 sessions are on n2", v.on("n2"))
	}
	servers["n2"].Kill()
	c.do("POST", "/")
	if got := nodeOf(c.cookie(c.browser)); got != "n1" {
		t.Errorf("with n2 down a session begins on %q", got)
	}
	servers["n2"].Restart()
	state(t, m, "n2", msm.NodeUp)
	c.do("POST", "/")
	if _, body := c.do("POST", "/"); body != "3" || nodeOf(c.cookie(c.browser)) != "n2" {
		t.Errorf("with n2 up again it counts %s on %q", body, nodeOf(c.cookie(c.browser)))
	}
	waitFor(t, "the session to leave n1", func() bool { return copiesOn(t, servers["n1"], "n1") == 0 })
}

// copiesOn returns how many sessions have a copy on a node. What a delivery has put over an older copy, while the session was about to
// leave the node, is none.
func copiesOn(t *testing.T, server *msmtest.Server, id string) (n int) {
	t.Helper()
	client := memcache.NewMemcached(server.Addr(), memcache.ClientOptions{Timeout: opTimeout})
	defer client.Close()
	for _, key := range server.Keys() {
		if !strings.HasPrefix(key, "msm:s:") {
			continue
		}
		item, err := client.Get(t.Context(), key)
		if errors.Is(err, memcache.ErrMiss) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		rec, err := record.Decode(item.Value)
		if err != nil {
			t.Fatal(err)
		}
		if _, has := rec.Copy(id); has {
			n++
		}
	}
	return n
}

// TestSetNodes: F-26, F-27, G10. The list changes while sessions live.
func TestSetNodes(t *testing.T) {
	t.Parallel()
	list, servers := startServers(t, 3)
	entries := strings.Split(list, ",")
	m := newManager(t, msm.Config{Nodes: strings.Join(entries[:2], ",")})
	c := &cluster{serve(t, counting(m)), m, servers}
	v := c.visitors(16)
	for i := range v.clients {
		v.count(i)
	}
	before := v.on("n1")
	if err := m.SetNodes(list, ""); err != nil {
		t.Fatal(err)
	}
	v.check()
	if v.on("n3") != 0 || v.on("n1") != before {
		t.Error("adding a node moved a session")
	}
	if err := m.SetNodes(strings.Join(entries[1:], ","), ""); err != nil {
		t.Fatal(err)
	}
	v.check()
	if v.on("n1") != 0 {
		t.Error("a removed node is still in a cookie")
	}
	if err := m.SetNodes("n1:a:1,n1:b:2", ""); err == nil || len(m.Stats().Nodes) != 2 {
		t.Errorf("a bad list: %v, %v", err, m.Stats().Nodes)
	}
	v.check()
}

// TestAListForAClosedManager: G9. A program that is shutting down reads its configuration again, when the manager is
// closed. The new list leaves nothing behind: a prober that went on would keep the test from ending.
func TestAListForAClosedManager(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		nobody := func(context.Context, string, string) (net.Conn, error) { return nil, nodetest.ErrOff }
		m, err := msm.New(msm.Config{Nodes: "n1:a:1", Logger: slog.New(slog.DiscardHandler), DialContext: nobody})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := m.SetNodes("n1:a:1,n2:b:1", ""); !errors.Is(err, msm.ErrClosed) {
			t.Errorf("the list is answered with %v", err)
		}
	})
}
