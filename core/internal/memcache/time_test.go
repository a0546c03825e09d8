package memcache_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
)

// pipes dials a server within this process, so that a client can be tested in fake time: to the nanosecond, and without
// waiting. serve gets the number of the connection, from 1.
type pipes struct {
	serve func(number int, lines *bufio.Scanner, conn net.Conn)
	dials atomic.Int32
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	number := int(p.dials.Add(1))
	go func() {
		defer far.Close()
		p.serve(number, bufio.NewScanner(far), far)
	}()
	return near, nil
}

func say(w io.Writer, text string) { _, _ = io.WriteString(w, text) }

// silent reads and never answers.
func silent(_ int, lines *bufio.Scanner, _ net.Conn) {
	for lines.Scan() {
	}
}

// requests has every operation, on keys that a test may use.
var requests = map[string]func(ctx context.Context, c memcache.Client) error{
	"Get":      func(ctx context.Context, c memcache.Client) error { _, err := c.Get(ctx, "a"); return err },
	"GetMulti": func(ctx context.Context, c memcache.Client) error { _, err := c.GetMulti(ctx, "a", "b"); return err },
	"Add":      func(ctx context.Context, c memcache.Client) error { return c.Add(ctx, "a", memcache.Item{}, 0) },
	"Append":   func(ctx context.Context, c memcache.Client) error { return c.Append(ctx, "a", []byte("x")) },
	"CompareAndSwap": func(ctx context.Context, c memcache.Client) error {
		return c.CompareAndSwap(ctx, "a", memcache.Item{Token: 1}, 0)
	},
}

// hang is a dial that never connects.
func hang(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }

// TestAnOperationEndsInTime checks that an operation ends within its timeout, whatever the server does.
func TestAnOperationEndsInTime(t *testing.T) {
	const timeout = 100 * time.Millisecond
	for does, dial := range map[string]func(context.Context, string, string) (net.Conn, error){
		"does not accept":          hang,
		"accepts and says nothing": (&pipes{serve: silent}).dial,
		"reads nothing":            (&pipes{serve: func(int, *bufio.Scanner, net.Conn) { time.Sleep(time.Hour) }}).dial,
		"says a byte now and then": (&pipes{serve: func(_ int, lines *bufio.Scanner, conn net.Conn) {
			lines.Scan()
			for _, b := range []byte("VALUE a 0 4 1\r\nxxxx\r\nVALUE b 0 4 1\r\nxxxx\r\nEND\r\n") {
				say(conn, string(b))
				time.Sleep(20 * time.Millisecond)
			}
		}}).dial,
		"says a value now and then, and no end": (&pipes{serve: func(_ int, lines *bufio.Scanner, conn net.Conn) {
			go silent(0, lines, conn)
			for range 10 {
				say(conn, "VALUE a 0 1 1\r\nx\r\n")
				time.Sleep(80 * time.Millisecond)
			}
		}}).dial,
	} {
		for op, do := range requests {
			t.Run(op+" of one that "+does, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newMemcached(t, "n1:11211", memcache.ClientOptions{Timeout: timeout, DialContext: dial})
					began := time.Now()
					err := do(t.Context(), c)
					if took := time.Since(began); err == nil || took > timeout {
						t.Errorf("%v after %v", err, took)
					}
					synctest.Wait()
					time.Sleep(2 * time.Hour) // until the server's goroutines have ended
				})
			})
		}
	}
}

// TestTheEndOfTheRequest checks that the end of the context is the error if it comes before the timeout. Operations
// that wait for a connection keep waiting, because it is no evidence against the node.
func TestTheEndOfTheRequest(t *testing.T) {
	for name, dial := range map[string]func(context.Context, string, string) (net.Conn, error){
		"while it connects":             hang,
		"while it waits for the answer": (&pipes{serve: silent}).dial,
	} {
		for op, do := range requests {
			t.Run(op+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newMemcached(t, "n1:11211", memcache.ClientOptions{Timeout: time.Second, MaxConns: 2, DialContext: dial})
					began := time.Now()
					errs := inParallel(6, func(i int) error { // four of the six wait for a connection
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i/2*20+30)*time.Millisecond)
						defer cancel()
						if err := do(ctx, c); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(ctx.Err(), err) {
							return fmt.Errorf("%d: %w", i, err)
						}
						return nil
					})
					if took := time.Since(began); len(errs) > 0 || took != 70*time.Millisecond {
						t.Errorf("%v after %v", errs, took)
					}
				})
			})
		}
	}
}

// TestALostConnectionCostsNoSecondTimeout checks that a read that is repeated has only the time that is left.
func TestALostConnectionCostsNoSecondTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{serve: func(number int, lines *bufio.Scanner, conn net.Conn) {
			if number > 1 {
				silent(number, lines, conn)
				return
			}
			lines.Scan()
			say(conn, "END\r\n")
			lines.Scan()
			time.Sleep(80 * time.Millisecond) // then the server closes the connection
		}}
		c := newMemcached(t, "n1:11211", memcache.ClientOptions{Timeout: 100 * time.Millisecond, DialContext: p.dial})
		if _, err := c.Get(t.Context(), "a"); !errors.Is(err, memcache.ErrMiss) {
			t.Fatal(err)
		}
		began := time.Now()
		_, err := c.Get(t.Context(), "a")
		if took := time.Since(began); err == nil || took != 100*time.Millisecond || p.dials.Load() != 2 {
			t.Errorf("%v after %v and %d dials", err, took, p.dials.Load())
		}
	})
}

// TestALostConnection checks that a read is repeated on a new connection if the server closes one that had served
// before. A write is not repeated, because it may have been done.
func TestALostConnection(t *testing.T) {
	for op, do := range requests {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent atomic.Int32
				p := &pipes{serve: func(_ int, lines *bufio.Scanner, conn net.Conn) {
					for answered := 0; lines.Scan(); answered++ {
						sent.Add(1)
						verb, _, _ := strings.Cut(lines.Text(), " ")
						if verb != "gets" {
							lines.Scan() // the data block
						}
						if answered == 1 {
							return // closes the connection at the second request
						}
						say(conn, map[string]string{"gets": "END\r\n", "add": "STORED\r\n", "cas": "STORED\r\n", "append": "STORED\r\n"}[verb])
					}
				}}
				c := newMemcached(t, "n1:11211", memcache.ClientOptions{DialContext: p.dial})
				if err := do(t.Context(), c); err != nil && !errors.Is(err, memcache.ErrMiss) {
					t.Fatal(err)
				}
				err := do(t.Context(), c)
				if strings.HasPrefix(op, "Get") {
					if err != nil && !errors.Is(err, memcache.ErrMiss) || sent.Load() != 3 {
						t.Errorf("%v, %d requests were sent", err, sent.Load())
					}
				} else if err == nil || sent.Load() != 2 {
					t.Errorf("%v, %d requests were sent", err, sent.Load())
				}
			})
		})
	}
}

// TestAServerThatHangsUp checks that a server that closes a connection made for the operation has failed, and is not
// asked twice.
func TestAServerThatHangsUp(t *testing.T) {
	for op, do := range requests {
		t.Run(op, func(t *testing.T) {
			p := &pipes{serve: func(_ int, lines *bufio.Scanner, _ net.Conn) { lines.Scan() }}
			c := newMemcached(t, "n1:11211", memcache.ClientOptions{DialContext: p.dial})
			if err := do(t.Context(), c); err == nil || errors.Is(err, memcache.ErrMiss) || p.dials.Load() != 1 {
				t.Errorf("%v, %d dials", err, p.dials.Load())
			}
		})
	}
}

// TestManyLostConnections checks that the second try of a read does not use another lost connection.
func TestManyLostConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangUp := make(chan struct{})
		p := &pipes{serve: func(_ int, lines *bufio.Scanner, conn net.Conn) {
			lines.Scan()
			time.Sleep(time.Millisecond) // so that each operation has its own connection
			say(conn, "END\r\n")
			lines.Scan()
			select {
			case <-hangUp:
			default:
				say(conn, "END\r\n")
			}
		}}
		c := newMemcached(t, "n1:11211", memcache.ClientOptions{DialContext: p.dial})
		get := func(int) error {
			if _, err := c.Get(t.Context(), "a"); !errors.Is(err, memcache.ErrMiss) {
				return err
			}
			return nil
		}
		if errs := inParallel(32, get); len(errs) > 0 || p.dials.Load() != 32 {
			t.Fatalf("%d dials, %v", p.dials.Load(), errs)
		}
		close(hangUp)
		for range 4 { // fewer at a time than there are connections
			if errs := inParallel(8, get); len(errs) > 0 {
				t.Errorf("%d of 8 reads failed: %v", len(errs), errs[0])
			}
		}
	})
}

// TestAfterClose checks that no connection stays open, not even one that was in use.
func TestAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		p := &pipes{serve: func(_ int, lines *bufio.Scanner, conn net.Conn) {
			open.Add(1)
			for lines.Scan() {
				time.Sleep(50 * time.Millisecond)
				say(conn, "END\r\n")
			}
			open.Add(-1)
		}}
		c := memcache.NewMemcached("n1:11211", memcache.ClientOptions{DialContext: p.dial})
		ended := make(chan error)
		go func() { _, err := c.Get(t.Context(), "a"); ended <- err }()
		synctest.Wait()
		_ = c.Close()
		if err := <-ended; !errors.Is(err, memcache.ErrMiss) {
			t.Errorf("the operation that ran: %v", err)
		}
		synctest.Wait()
		if open.Load() != 0 {
			t.Errorf("%d connections are open", open.Load())
		}
		_ = c.Close() // ends the bubble's goroutines if the first one did not
	})
}
