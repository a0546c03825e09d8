package node_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/msmtest"
)

// TestServersThatDoNotList say so, and it is no evidence against the node.
func TestServersThatDoNotList(t *testing.T) {
	for name, args := range map[string][]string{
		"without crawler": {"-o", "no_lru_crawler"},
		"without dumps":   {"-X"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := msmtest.StartServer(t, args...).Addr()
			n := node.New("n1", addr, newMemcached(t, addr, node.ClientOptions{Timeout: 2 * time.Second}), options)
			nothing := func(string) { t.Error("a key") }
			if err := n.Keys(t.Context(), "", nothing); !errors.Is(err, node.ErrDown) {
				t.Errorf("before the first probe: %v", err)
			}
			mustProbe(t, n)
			if err := n.Keys(t.Context(), "", nothing); !errors.Is(err, node.ErrNoList) || !n.Available() {
				t.Errorf("%v, available: %v", err, n.Available())
			}
		})
	}
}

// TestManyKeys are read at once and completely.
func TestManyKeys(t *testing.T) {
	const keys = 20_000
	addr := msmtest.StartServer(t).Addr()
	c := newMemcached(t, addr, node.ClientOptions{Timeout: 5 * time.Second})
	if errs := inParallel(16, func(i int) error {
		for k := i; k < keys; k += 16 {
			if err := c.Add(t.Context(), fmt.Sprint("msm:s:", k), node.Item{}, time.Hour); err != nil {
				return err
			}
		}
		return nil
	}); len(errs) > 0 {
		t.Fatal(errs)
	}
	found := map[string]bool{}
	if err := c.Keys(t.Context(), "msm:s:", func(key string) { found[key] = true }); err != nil || len(found) != keys {
		t.Errorf("%d of %d keys, %v", len(found), keys, err)
	}
}

// TestAListThatStops ends when nothing came for 5 s, and not before as long as something comes; or with its caller.
func TestAListThatStops(t *testing.T) {
	for name, c := range map[string]struct {
		lines int // one every 4 s
		limit time.Duration
		want  time.Duration
	}{
		"at once":         {0, time.Hour, 5 * time.Second},
		"after a while":   {10, time.Hour, 45 * time.Second},
		"with its caller": {10, 7 * time.Second, 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &pipes{serve: func(_ int, lines *bufio.Scanner, conn net.Conn) {
					lines.Scan()
					for range c.lines {
						time.Sleep(4 * time.Second)
						say(conn, "key=a exp=-1\r\n")
					}
					lines.Scan()
				}}
				m := newMemcached(t, "n1:11211", node.ClientOptions{DialContext: p.dial})
				ctx, cancel := context.WithTimeout(t.Context(), c.limit)
				defer cancel()
				began := time.Now()
				err := m.Keys(ctx, "", func(string) {})
				if took := time.Since(began); err == nil || took != c.want {
					t.Errorf("%v after %v; want %v", err, took, c.want)
				}
				if late := c.limit == c.want; late != errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v", err)
				}
				time.Sleep(time.Minute) // for the far end
			})
		})
	}
}
