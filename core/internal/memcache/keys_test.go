package memcache_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/msmtest"
)

// TestManyKeys checks that a long list is complete.
func TestManyKeys(t *testing.T) {
	const keys = 20_000
	addr := msmtest.StartServer(t).Addr()
	c := newMemcached(t, addr, memcache.ClientOptions{Timeout: generous})
	if errs := inParallel(16, func(i int) error {
		for k := i; k < keys; k += 16 {
			if err := c.Add(t.Context(), fmt.Sprint("msm:s:", k), memcache.Item{}, time.Hour); err != nil {
				return err
			}
		}
		return nil
	}); len(errs) > 0 {
		t.Fatal(errs)
	}
	if found := (client{t, c, "msm:s:"}).keys(""); len(found) != keys {
		t.Errorf("%d of %d keys", len(found), keys)
	}
}

// TestWalks checks that servers that can scan their hash table, without holding its locks while they write, do so once.
// On others a scan may miss a key that moves in the LRU meanwhile, so they scan twice.
func TestWalks(t *testing.T) {
	twice := []string{"lru_crawler metadump all", "lru_crawler metadump all"}
	once := []string{"lru_crawler metadump hash"}
	for version, want := range map[string][]string{
		"VERSION 1.4.31":        twice,
		"VERSION 1.6.9":         twice, // can scan it, but keeps a part of the table locked for a slow reader
		"VERSION 1.6.18":        twice,
		"VERSION 1.6.19":        once,
		"VERSION 1.6.19-extra":  once,
		"VERSION 1.10.0":        once,
		"VERSION 2.0.0":         once,
		"VERSION something 0.1": twice,
		"ERROR":                 twice,
	} {
		t.Run(version, func(t *testing.T) {
			var asked []string
			p := &pipes{serve: func(_ int, lines *bufio.Scanner, conn net.Conn) {
				for lines.Scan() {
					if lines.Text() == "version" {
						say(conn, version+"\r\n")
						continue
					}
					asked = append(asked, lines.Text())
					say(conn, fmt.Sprintf("key=%d exp=-1\r\nEND\r\n", len(asked)))
				}
			}}
			m := newMemcached(t, "n1:11211", memcache.ClientOptions{DialContext: p.dial})
			var found []string
			if err := m.Keys(t.Context(), "", func(key string) { found = append(found, key) }); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(asked, want) || len(found) != len(want) {
				t.Errorf("it was asked %q, and keys %q were found", asked, found)
			}
		})
	}
}

// TestIdleKeysAreListed lists idle keys while others are read and written, which moves those others in the LRU, and
// locks what lies beside them in the server's table. A single scan of the LRU misses idle keys here, a few in a hundred
// thousand.
func TestIdleKeysAreListed(t *testing.T) {
	const keys, workers = 20_000, 8
	addr := msmtest.StartServer(t).Addr()
	c := newMemcached(t, addr, memcache.ClientOptions{Timeout: generous})
	add := func(kind string) func(int) error {
		return func(i int) error {
			for k := i; k < keys; k += workers {
				if err := c.Add(t.Context(), fmt.Sprint(kind, k), memcache.Item{Value: make([]byte, 300)}, time.Hour); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if errs := append(inParallel(workers, add("idle:")), inParallel(workers, add("busy:"))...); len(errs) > 0 {
		t.Fatal(errs)
	}
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for i := range workers {
		load.Go(func() {
			for k := i; ctx.Err() == nil; k += workers {
				key := fmt.Sprint("busy:", k%keys)
				if item, err := c.Get(ctx, key); err == nil {
					_ = c.CompareAndSwap(ctx, key, item, time.Hour)
				}
			}
		})
	}
	defer load.Wait()
	defer stop()
	var lacking []int // a thread of the server that stands still, with a lock on items, hides these
	for range 10 {
		if found := (client{t, c, "idle:"}).keys(""); len(found) != keys {
			lacking = append(lacking, keys-len(found))
		}
	}
	if len(lacking) > 1 {
		t.Errorf("%d of 10 lists lack keys: %v of %d", len(lacking), lacking, keys)
	}
}

// TestWhoHangsUpWhenAskedForKeys checks that a server that hangs up on the command, but answers others, counts as one
// that does not list its keys: some proxies do so with an unknown command. A server that was just restarted lists its
// keys. If it answers nothing, nothing is known.
func TestWhoHangsUpWhenAskedForKeys(t *testing.T) {
	const miss = "END\r\n"
	for name, c := range map[string]struct {
		at       string // the command on which it hangs up
		times    int    // how often it does so
		read     string // what it says to other commands; empty: it hangs up
		want     error  // nil: it lists them
		anyError bool
	}{
		"it does not know the version":  {"version", 1000, miss, memcache.ErrNoList, false},
		"it does not know the list":     {"lru_crawler", 1000, miss, memcache.ErrNoList, false},
		"it was restarted":              {"version", 1, miss, nil, false},
		"it was restarted, a bit later": {"lru_crawler", 1, miss, nil, false},
		"it hangs up whatever one asks": {"version", 1000, "", nil, true},
		"it hangs up, a bit later":      {"lru_crawler", 1000, "", nil, true},
		"it has no more connections":    {"version", 1000, "ERROR Too many open connections\r\n", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0") // not a net.Pipe, which reports other errors than EOF too
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			left := c.times
			go func() {
				for conn, err := l.Accept(); err == nil; conn, err = l.Accept() { // one connection at a time
					for lines := bufio.NewScanner(conn); lines.Scan(); {
						command, _, _ := strings.Cut(lines.Text(), " ")
						if command == c.at && left > 0 || command == "gets" && c.read == "" {
							left--
							break
						}
						say(conn, map[string]string{"version": "VERSION 1.6.19\r\n", "lru_crawler": "key=a exp=-1\r\nEND\r\n", "gets": c.read}[command])
					}
					_ = conn.Close()
				}
			}()
			m := newMemcached(t, l.Addr().String(), memcache.ClientOptions{Timeout: generous})
			var found []string
			err = m.Keys(t.Context(), "", func(key string) { found = append(found, key) })
			if c.anyError != (err != nil && !errors.Is(err, memcache.ErrNoList)) || !c.anyError && !errors.Is(err, c.want) || err == nil && len(found) != 1 {
				t.Errorf("%v, keys %q", err, found)
			}
		})
	}
}

// TestAListThatStops checks that listing ends when nothing has come for 5 s, not earlier while something comes, or when
// its context ends.
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
					say(conn, "VERSION 1.6.19\r\n")
					lines.Scan()
					for range c.lines {
						time.Sleep(4 * time.Second)
						say(conn, "key=a exp=-1\r\n")
					}
					lines.Scan()
				}}
				m := newMemcached(t, "n1:11211", memcache.ClientOptions{DialContext: p.dial})
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
				time.Sleep(time.Minute) // until the server's goroutine has ended
			})
		})
	}
}
