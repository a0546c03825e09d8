package memcache_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
)

// slowly answers every command after a delay: keys are absent, and writes succeed.
func slowly(after time.Duration) func(int, *bufio.Scanner, net.Conn) {
	return func(_ int, lines *bufio.Scanner, conn net.Conn) {
		for lines.Scan() {
			answer := "END\r\n"
			if !strings.HasPrefix(lines.Text(), "gets ") {
				lines.Scan() // the data block
				answer = "STORED\r\n"
			}
			time.Sleep(after)
			say(conn, answer)
		}
	}
}

// TestWaitingForAConnection checks that the wait goes on while the node answers others, for ten timeouts at most. It
// ends when an operation times out and no other was answered meanwhile: the node hangs.
func TestWaitingForAConnection(t *testing.T) {
	for name, c := range waits {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &pipes{serve: c.serve}
				m := newMemcached(t, "n1:11211", memcache.ClientOptions{Timeout: waitTimeout, MaxConns: c.conns, DialContext: p.dial})
				if c.givenUpAfter > 0 {
					time.AfterFunc(c.givenUpAfter, m.CancelAll)
				}
				began, answered, busy := time.Now(), 0, 0
				for _, err := range inParallel(c.clients, func(int) error { _, err := m.Get(t.Context(), "a"); return err }) {
					switch {
					case errors.Is(err, memcache.ErrMiss):
						answered++
					case errors.Is(err, memcache.ErrBusy):
						busy++
					}
				}
				if took := time.Since(began); answered != c.answered || busy != c.busy || took != c.ends || int(p.dials.Load()) != c.dials {
					t.Errorf("%d were answered, %d are ErrBusy, after %v and %d dials", answered, busy, took, p.dials.Load())
				}
				time.Sleep(time.Second) // until the server's goroutines have ended
			})
		})
	}
}

const waitTimeout = 100 * time.Millisecond

// first serves the first connection, and others the others.
func first(serve, others func(int, *bufio.Scanner, net.Conn)) func(int, *bufio.Scanner, net.Conn) {
	return func(number int, lines *bufio.Scanner, conn net.Conn) {
		if number == 1 {
			serve(number, lines, conn)
		} else {
			others(number, lines, conn)
		}
	}
}

// tires answers twice, slowly, and then no more.
func tires(_ int, lines *bufio.Scanner, conn net.Conn) {
	for range 2 {
		lines.Scan()
		time.Sleep(80 * time.Millisecond)
		say(conn, "END\r\n")
	}
	silent(0, lines, conn)
}

// hangsUp closes the connection in the midst of an operation.
func hangsUp(_ int, lines *bufio.Scanner, _ net.Conn) { lines.Scan(); time.Sleep(waitTimeout / 2) }

var waits = map[string]struct {
	serve          func(int, *bufio.Scanner, net.Conn)
	conns, clients int
	answered, busy int // all others fail
	dials          int
	ends           time.Duration
	givenUpAfter   time.Duration // zero: never
}{
	"a node that hangs":                           {serve: silent, conns: 4, clients: 16, dials: 4, ends: waitTimeout},
	"a node that is given up":                     {serve: silent, conns: 4, clients: 16, dials: 4, givenUpAfter: 30 * time.Millisecond, ends: 30 * time.Millisecond},
	"a node that hangs up":                        {serve: hangsUp, conns: 4, clients: 16, dials: 4, ends: waitTimeout / 2},
	"a slow node":                                 {serve: slowly(80 * time.Millisecond), conns: 64, clients: 300, answered: 300, dials: 64, ends: 5 * 80 * time.Millisecond},
	"a node that is slower than patience is long": {serve: slowly(80 * time.Millisecond), conns: 1, clients: 16, answered: 13, busy: 3, dials: 1, ends: 13 * 80 * time.Millisecond},
	"a node that hangs after it was slow":         {serve: tires, conns: 1, clients: 16, answered: 2, dials: 1, ends: 260 * time.Millisecond},
	"one answer is lost, others come":             {serve: first(silent, slowly(30*time.Millisecond)), conns: 2, clients: 9, answered: 8, dials: 3, ends: 180 * time.Millisecond},
}

// TestGivingANodeUp checks F-02: CancelAll ends all operations at once, wherever they are, as if their time were up.
// Later ones have their own time.
func TestGivingANodeUp(t *testing.T) {
	const timeout, later = 100 * time.Millisecond, 30 * time.Millisecond
	for name, c := range map[string]struct {
		dial  func(context.Context, string, string) (net.Conn, error)
		conns int
	}{
		"while they connect":               {hang, 6},
		"while they wait for their answer": {(&pipes{serve: silent}).dial, 6},
		"while they wait for a connection": {(&pipes{serve: silent}).dial, 1},
	} {
		for op, do := range requests {
			t.Run(op+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := newMemcached(t, "n1:11211", memcache.ClientOptions{Timeout: timeout, MaxConns: c.conns, DialContext: c.dial})
					time.AfterFunc(later, m.CancelAll)
					began := time.Now()
					errs := inParallel(6, func(int) error { return do(t.Context(), m) })
					if took := time.Since(began); len(errs) != 6 || took != later {
						t.Errorf("%d of 6 failed, after %v", len(errs), took)
					}
					began = time.Now()
					if err := do(t.Context(), m); err == nil || time.Since(began) != timeout {
						t.Errorf("afterwards: %v after %v", err, time.Since(began))
					}
				})
			})
		}
	}
}

// TestOneOperationsTimeIsNotThatOfOthers checks that an operation that times out does not end others that began later.
func TestOneOperationsTimeIsNotThatOfOthers(t *testing.T) {
	const timeout, later, answers = 100 * time.Millisecond, 70 * time.Millisecond, 90 * time.Millisecond
	for name, c := range map[string]struct {
		first func(int, *bufio.Scanner, net.Conn)
	}{
		"it was not answered":      {silent},
		"its connection was ended": {func(_ int, lines *bufio.Scanner, _ net.Conn) { lines.Scan(); time.Sleep(timeout - 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &pipes{serve: func(number int, lines *bufio.Scanner, conn net.Conn) {
					if number == 1 {
						c.first(number, lines, conn)
					} else {
						slowly(answers)(number, lines, conn)
					}
				}}
				m := newMemcached(t, "n1:11211", memcache.ClientOptions{Timeout: timeout, DialContext: p.dial})
				go func() { _, _ = m.Get(t.Context(), "a") }()
				time.Sleep(later)
				if _, err := m.Get(t.Context(), "a"); !errors.Is(err, memcache.ErrMiss) {
					t.Errorf("%v", err)
				}
				time.Sleep(time.Second) // until the server's goroutines have ended
			})
		})
	}
}

// TestAnAnswerThatComesAsTheNodeIsGivenUp lets an answer and CancelAll come at the same moment: the answer may count or
// not, and later operations have their own time.
func TestAnAnswerThatComesAsTheNodeIsGivenUp(t *testing.T) {
	const timeout = 100 * time.Millisecond
	for range 50 { // either of the two may be first
		synctest.Test(t, func(t *testing.T) {
			p := &pipes{serve: func(_ int, lines *bufio.Scanner, conn net.Conn) {
				for lines.Scan() {
					if lines.Text() == "gets b" {
						time.Sleep(timeout / 2)
						say(conn, "END\r\n")
					}
				}
			}}
			m := newMemcached(t, "n1:11211", memcache.ClientOptions{Timeout: timeout, DialContext: p.dial})
			began := time.Now()
			time.AfterFunc(timeout/2, m.CancelAll)
			if _, err := m.Get(t.Context(), "b"); err == nil || time.Since(began) != timeout/2 {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			time.Sleep(time.Nanosecond)
			if _, err := m.Get(t.Context(), "b"); !errors.Is(err, memcache.ErrMiss) {
				t.Errorf("afterwards: %v", err)
			}
			time.Sleep(time.Second) // until the server's goroutines have ended
		})
	}
}

// countedConns returns a client, the number of its open connections, and the number of its dials.
func countedConns(t *testing.T) (m *memcache.Memcached, open, dials *atomic.Int32) {
	open = new(atomic.Int32)
	answer := slowly(time.Millisecond)
	p := &pipes{serve: func(number int, lines *bufio.Scanner, conn net.Conn) {
		open.Add(1)
		answer(number, lines, conn)
		open.Add(-1)
	}}
	return newMemcached(t, "n1:11211", memcache.ClientOptions{MaxConns: 40, DialContext: p.dial}), open, &p.dials
}

// TestIdleConnections checks G9: idle connections are closed. After a burst only those stay open that are used.
func TestIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, open, dials := countedConns(t)
		use := func(at int, lasts time.Duration) {
			for end := time.Now().Add(lasts); time.Now().Before(end); time.Sleep(10 * time.Second) {
				inParallel(at, func(int) error { _, err := m.Get(t.Context(), "a"); return err })
			}
		}
		for _, step := range []struct {
			atOnce int
			lasts  time.Duration
			open   int32
		}{
			{32, time.Second, 32},
			{2, 40 * time.Second, 32}, // none has been idle for a minute yet
			{2, 30 * time.Second, 2},
			{2, 10 * time.Minute, 2},
			{1, 2 * time.Minute, 1},
			{0, 2 * time.Minute, 0},
			{5, time.Second, 5}, // new ones are made
		} {
			use(step.atOnce, step.lasts)
			if synctest.Wait(); open.Load() != step.open {
				t.Errorf("%d connections are open after %v with %d at once; want %d", open.Load(), step.lasts, step.atOnce, step.open)
			}
		}
		if n := dials.Load(); n != 32+5 {
			t.Errorf("%d dials", n)
		}
	})
}

// TestIdleConnectionsOfANodeThatIsGivenUp checks that they are closed, since the server may be another one when it is
// back.
func TestIdleConnectionsOfANodeThatIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, open, _ := countedConns(t)
		for _, burst := range []int{5, 3} {
			for _, err := range inParallel(burst, func(int) error { _, err := m.Get(t.Context(), "a"); return err }) {
				if err != nil && !errors.Is(err, memcache.ErrMiss) {
					t.Error(err)
				}
			}
			if synctest.Wait(); int(open.Load()) != burst {
				t.Errorf("%d connections after a burst of %d", open.Load(), burst)
			}
			m.CancelAll()
			if synctest.Wait(); open.Load() != 0 {
				t.Errorf("%d connections are left", open.Load())
			}
		}
	})
}
