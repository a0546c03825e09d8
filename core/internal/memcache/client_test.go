package memcache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/msmtest"
)

// TestClient checks that memcached and the in-memory node behave alike.
func TestClient(t *testing.T) {
	t.Run("memcached", func(t *testing.T) {
		t.Parallel()
		c := newMemcached(t, msmtest.StartServer(t).Addr(), memcache.ClientOptions{Timeout: generous})
		for name, test := range clientContract {
			t.Run(name, func(t *testing.T) {
				t.Parallel() // each case has its own keys
				test(t, client{t, c, strings.ReplaceAll(t.Name(), "/", ":") + ":"})
			})
		}
	})
	t.Run("memory", func(t *testing.T) {
		for name, test := range clientContract {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { test(t, client{t, memcache.NewMemory(memcache.MemoryOptions{}), ""}) })
			})
		}
	})
}

const (
	generous = 2 * time.Minute // timeout of operations where nothing hangs: the machine may be busy
	patience = 2 * time.Minute // limit of a wait that is expected to succeed
)

// eventually waits for something that another process or goroutine does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// client is a Client with a prefix for its keys, and with checks.
type client struct {
	t      *testing.T
	client memcache.Client
	prefix string
}

func (c client) add(key, value string, ttl time.Duration) error {
	return c.client.Add(c.t.Context(), c.prefix+key, memcache.Item{Value: []byte(value), Flags: 7}, ttl)
}

func (c client) cas(key, value string, token uint64, ttl time.Duration) error {
	return c.client.CompareAndSwap(c.t.Context(), c.prefix+key, memcache.Item{Value: []byte(value), Flags: 8, Token: token}, ttl)
}

func (c client) append(key, more string) error {
	return c.client.Append(c.t.Context(), c.prefix+key, []byte(more))
}

func (c client) get(key string) memcache.Item {
	c.t.Helper()
	item, err := c.client.Get(c.t.Context(), c.prefix+key)
	if err != nil {
		c.t.Fatalf("get %s: %v", key, err)
	}
	return item
}

// keys returns the keys with that prefix, sorted and each once.
func (c client) keys(prefix string) (list []string) {
	c.t.Helper()
	// The crawler may be busy for the server itself, or for another case of this test, and the server on a busy machine may
	// say nothing for too long.
	eventually(c.t, "the crawler", func() bool {
		list = nil
		err := c.client.Keys(c.t.Context(), c.prefix+prefix, func(key string) { list = append(list, key) })
		again := errors.Is(err, memcache.ErrCrawling) || memcache.TimedOut(err)
		if !again {
			c.want(err, nil)
		}
		return !again
	})
	slices.Sort(list)
	return slices.Compact(list)
}

func (c client) want(err, want error) {
	c.t.Helper()
	if !errors.Is(err, want) || want == nil && err != nil {
		c.t.Errorf("%v; want %v", err, want)
	}
}

func (c client) missing(key string) {
	c.t.Helper()
	_, err := c.client.Get(c.t.Context(), c.prefix+key)
	c.want(err, memcache.ErrMiss)
}

var clientContract = map[string]func(t *testing.T, c client){
	"append adds to what is there, and makes it another value": func(t *testing.T, c client) {
		c.want(c.append("a", "y"), memcache.ErrMiss)
		c.missing("a")
		c.want(c.add("a", "x", 0), nil)
		before := c.get("a")
		c.want(c.append("a", "y"), nil)
		c.want(c.append("a", "z"), nil)
		item := c.get("a")
		if string(item.Value) != "xyz" || item.Flags != 7 {
			t.Errorf("%q, flags %d", item.Value, item.Flags)
		}
		c.want(c.cas("a", "v", before.Token, 0), memcache.ErrConflict)
		c.want(c.cas("a", "v", item.Token, -time.Second), nil)
		c.want(c.append("a", "w"), memcache.ErrMiss)
	},
	"append lets a value last no longer": func(_ *testing.T, c client) {
		eventually(c.t, "an append in time", func() bool { // memcached's seconds are coarse: one may end at once
			c.want(c.add("a", "x", time.Second), nil)
			err := c.append("a", "y")
			if !errors.Is(err, memcache.ErrMiss) {
				c.want(err, nil)
			}
			return !errors.Is(err, memcache.ErrMiss)
		})
		eventually(c.t, "its end", func() bool {
			_, err := c.client.Get(c.t.Context(), c.prefix+"a")
			return errors.Is(err, memcache.ErrMiss)
		})
	},
	"what was never stored is missing": func(_ *testing.T, c client) { c.missing("a") },
	"add stores once, with its flags": func(t *testing.T, c client) {
		c.want(c.add("a", "x", 0), nil)
		c.want(c.add("a", "y", 0), memcache.ErrExists)
		if it := c.get("a"); string(it.Value) != "x" || it.Flags != 7 || it.Token == 0 {
			t.Errorf("%+v", it)
		}
	},
	"compare-and-swap needs the present token": func(t *testing.T, c client) {
		c.want(c.cas("a", "x", 1, 0), memcache.ErrMiss)
		c.want(c.add("a", "x", 0), nil)
		token := c.get("a").Token
		c.want(c.cas("a", "y", token, 0), nil)
		c.want(c.cas("a", "z", token, 0), memcache.ErrConflict)
		if it := c.get("a"); string(it.Value) != "y" || it.Flags != 8 || it.Token == token {
			t.Errorf("%+v", it)
		}
	},
	"an empty value is a value": func(t *testing.T, c client) {
		c.want(c.add("a", "", 0), nil)
		if it := c.get("a"); len(it.Value) != 0 {
			t.Errorf("%+v", it)
		}
	},
	"values are copied in and out": func(t *testing.T, c client) {
		value := []byte("x")
		c.want(c.client.Add(t.Context(), c.prefix+"a", memcache.Item{Value: value}, 0), nil)
		value[0] = 'y'
		c.get("a").Value[0] = 'z'
		if it := c.get("a"); string(it.Value) != "x" {
			t.Errorf("%s", it.Value)
		}
	},
	"several keys in one go, those that are there": func(t *testing.T, c client) {
		c.want(c.add("a", "x", 0), nil)
		c.want(c.add("b", "y", 0), nil)
		got, err := c.client.GetMulti(t.Context(), c.prefix+"a", c.prefix+"none", c.prefix+"b")
		if err != nil || len(got) != 2 || string(got[c.prefix+"b"].Value) != "y" || got[c.prefix+"a"].Token == 0 {
			t.Errorf("%v, %v", got, err)
		}
	},
	"a value that is too large leaves the old one": func(t *testing.T, c client) {
		large := strings.Repeat("x", 1<<20)
		c.want(c.add("a", large, 0), memcache.ErrTooLarge)
		c.want(c.add("a", "x", 0), nil)
		c.want(c.cas("a", large, c.get("a").Token, 0), memcache.ErrTooLarge)
		if it := c.get("a"); string(it.Value) != "x" {
			t.Errorf("%d bytes", len(it.Value))
		}
	},
	"keys that memcached would misunderstand are refused": func(t *testing.T, c client) {
		for _, key := range []string{"", "a b", "a\r\nflush_all", "a\x00", "a\x7f", strings.Repeat("k", 251)} {
			_, err := c.client.Get(t.Context(), key)
			if err == nil || errors.Is(err, memcache.ErrMiss) {
				t.Errorf("get %q: %v", key, err)
			}
			if err := c.client.Add(t.Context(), key, memcache.Item{}, 0); err == nil {
				t.Errorf("add %q: no error", key)
			}
		}
		c.want(c.client.Add(t.Context(), strings.Repeat("k", 250), memcache.Item{}, time.Minute), nil)
	},
	"a time to live ends": func(t *testing.T, c client) {
		c.want(c.add("a", "x", time.Second), nil)
		eventually(t, "the end of its life", func() bool {
			_, err := c.client.Get(t.Context(), c.prefix+"a")
			return errors.Is(err, memcache.ErrMiss)
		})
		c.want(c.add("a", "y", 0), nil)
	},
	"a time to live beyond 30 days is not 1970": func(_ *testing.T, c client) {
		c.want(c.add("31", "x", 31*24*time.Hour), nil)
		c.get("31")
		c.want(c.add("century", "x", 100*365*24*time.Hour), nil)
		c.get("century")
	},
	"a negative time to live is over": func(_ *testing.T, c client) {
		c.want(c.add("a", "x", -time.Second), nil)
		c.missing("a")
	},
	"its keys are listed by their prefix": func(t *testing.T, c client) {
		var want []string
		for i := range 500 {
			key := fmt.Sprintf("in:%%20+%d\x80", i)
			c.want(c.add(key, "x", time.Hour), nil)
			c.want(c.add(fmt.Sprint("out:", i), "x", 0), nil)
			want = append(want, c.prefix+key)
		}
		slices.Sort(want)
		if got := c.keys("in:"); !slices.Equal(got, want) {
			t.Errorf("%d keys: %.200q; want %d", len(got), got, len(want))
		}
		if got := c.keys("none"); len(got) != 0 {
			t.Errorf("%.200q", got)
		}
	},
	"a key whose time is over is not listed": func(t *testing.T, c client) {
		c.want(c.add("a", "x", -time.Second), nil)
		if got := c.keys(""); len(got) != 0 {
			t.Errorf("%q", got)
		}
	},
	"a cancelled context sends nothing": func(t *testing.T, c client) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c.want(c.client.Add(ctx, c.prefix+"a", memcache.Item{}, 0), context.Canceled)
		c.want(c.client.Keys(ctx, "", func(string) { t.Error("a key") }), context.Canceled)
		c.missing("a")
	},
	"it is safe for concurrent use": func(t *testing.T, c client) {
		c.want(c.add("n", "0", 0), nil)
		var all sync.WaitGroup
		won := make(chan bool, 200)
		for range 20 {
			all.Go(func() {
				for range 10 {
					it := c.get("n")
					won <- c.cas("n", string(it.Value)+"x", it.Token, 0) == nil
				}
			})
		}
		all.Wait()
		close(won)
		n := 0
		for ok := range won {
			if ok {
				n++
			}
		}
		if it := c.get("n"); len(it.Value) != n+1 {
			t.Errorf("%d writes won, %d are there", n, len(it.Value)-1)
		}
	},
}
