package memcache_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/msmtest"
)

// TestTheLifeOfAValue checks that a value lives as long as its last writer said. Memory runs in fake time.
func TestTheLifeOfAValue(t *testing.T) {
	t.Parallel()
	for sentence, test := range lives {
		t.Run("memcached, "+sentence, func(t *testing.T) {
			t.Parallel()
			memcached := newMemcached(t, msmtest.StartServer(t).Addr(), memcache.ClientOptions{Timeout: generous})
			test(t, client{t, memcached, ""})
		})
		t.Run("memory, "+sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, client{t, memcache.NewMemory(memcache.MemoryOptions{}), ""}) })
		})
	}
}

// TestASwapSetsTheTimeToLive checks that CompareAndSwap can remove a time to live and set one. memcached is asked how
// long a value has.
func TestASwapSetsTheTimeToLive(t *testing.T) {
	swap := func(c client) {
		c.want(c.add("taken", "x", time.Hour), nil)
		c.want(c.cas("taken", "y", c.get("taken").Token, 0), nil)
		c.want(c.add("brought", "x", 0), nil)
		c.want(c.cas("brought", "y", c.get("brought").Token, time.Hour), nil)
	}
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := client{t, memcache.NewMemory(memcache.MemoryOptions{}), ""}
			swap(c)
			time.Sleep(time.Hour)
			c.get("taken")
			c.missing("brought")
		})
	})
	t.Run("memcached", func(t *testing.T) {
		addr := msmtest.StartServer(t).Addr()
		swap(client{t, newMemcached(t, addr, memcache.ClientOptions{Timeout: generous}), ""})
		if left := secondsLeft(t, addr, "taken"); left != -1 {
			t.Errorf("%d s are left", left)
		}
		if left := secondsLeft(t, addr, "brought"); left <= 0 || left > 3600 {
			t.Errorf("%d s are left of an hour", left)
		}
	})
}

// secondsLeft asks memcached how long a value has to live, in seconds; -1: for ever.
func secondsLeft(t *testing.T, addr, key string) (left int) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "mg %s t\r\n", key)
	if _, err := fmt.Fscanf(conn, "HD t%d\r\n", &left); err != nil {
		t.Fatal(err)
	}
	return left
}

var lives = map[string]func(t *testing.T, c client){
	"a swap for no time is a removal that minds the token": func(_ *testing.T, c client) {
		c.want(c.add("a", "x", 0), nil)
		token := c.get("a").Token
		c.want(c.cas("a", "y", token, 0), nil)
		c.want(c.cas("a", "", token, -1), memcache.ErrConflict)
		c.want(c.cas("a", "", c.get("a").Token, -1), nil)
		c.missing("a")
		c.want(c.cas("a", "z", token, 0), memcache.ErrMiss)
		c.want(c.add("a", "new", 0), nil)
	},
	"a failed add or swap changes no time to live": func(_ *testing.T, c client) {
		c.want(c.add("a", "x", 0), nil)
		c.want(c.add("a", "y", -1), memcache.ErrExists)
		c.want(c.cas("a", "y", c.get("a").Token+1000, -1), memcache.ErrConflict)
		c.get("a")
	},
	"the same key twice, and none at all": func(t *testing.T, c client) {
		c.want(c.add("a", "x", 0), nil)
		if got, err := c.client.GetMulti(t.Context(), "a", "a"); err != nil || len(got) != 1 {
			t.Errorf("twice: %v, %v", got, err)
		}
		if got, err := c.client.GetMulti(t.Context()); err != nil || len(got) != 0 {
			t.Errorf("none: %v, %v", got, err)
		}
	},
}

// TestARequestThatIsOver checks that an operation with an ended context neither connects nor sends anything.
func TestARequestThatIsOver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for op, do := range requests {
		p := &pipes{serve: silent}
		memcached := newMemcached(t, "n1:11211", memcache.ClientOptions{DialContext: p.dial})
		for _, c := range []memcache.Client{memcached, memcache.NewMemory(memcache.MemoryOptions{})} {
			if err := do(ctx, c); !errors.Is(err, context.Canceled) || p.dials.Load() > 0 {
				t.Errorf("%s of %T: %v", op, c, err)
			}
		}
	}
}
