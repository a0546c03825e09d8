package memcache_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
)

// standstill simulates a process that stands still once, at some point of an operation, while the server and the
// network go on. When it goes on it finds its deadlines expired, as with Go's sockets.
type standstill struct {
	where string
	lasts time.Duration
	pipes
	over atomic.Bool
}

func (s *standstill) at(where string) {
	if where == s.where && s.over.CompareAndSwap(false, true) {
		time.Sleep(s.lasts)
	}
}

func (s *standstill) dial(ctx context.Context, network, address string) (net.Conn, error) {
	s.at("connects")
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := s.pipes.dial(ctx, network, address)
	s.at("has connected")
	return &standing{conn, s}, err
}

type standing struct {
	net.Conn
	process *standstill
}

func (c *standing) Write(p []byte) (int, error) {
	c.process.at("writes")
	n, err := c.Conn.Write(p)
	c.process.at("waits")
	return n, err
}

// TestThisProcessDidNotRun checks that an answer that has arrived meanwhile counts, that what was not sent yet gets its
// time once more, and that a failure much later than expected is no evidence against the node.
func TestThisProcessDidNotRun(t *testing.T) {
	for name, c := range standstills {
		for op, do := range requests {
			t.Run(op+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := &standstill{where: c.where, lasts: c.lasts, pipes: pipes{serve: c.serve}}
					m := newMemcached(t, "n1:11211", memcache.ClientOptions{Timeout: lateTimeout, DialContext: p.dial})
					ctx := t.Context()
					if c.request > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, c.request)
						defer cancel()
					}
					if c.givenUp > 0 {
						time.AfterFunc(c.givenUp, m.CancelAll)
					}
					began := time.Now()
					err := do(ctx, m)
					took := time.Since(began)
					if errors.Is(err, memcache.ErrMiss) {
						err = nil
					}
					if errors.Is(c.want, errOfNode) && err != nil && !errors.Is(err, memcache.ErrLate) && ctx.Err() == nil {
						err = errOfNode
					}
					if !errors.Is(err, c.want) || took != c.took {
						t.Errorf("%v after %v", err, took)
					}
					time.Sleep(time.Second) // until the server's goroutine has ended
				})
			})
		}
	}
}

const lateTimeout = 100 * time.Millisecond

var errOfNode = errors.New("a failure of the node")

// standstills says what becomes of an operation while this process stands still somewhere.
var standstills = map[string]struct {
	where   string
	lasts   time.Duration
	serve   func(int, *bufio.Scanner, net.Conn)
	request time.Duration // zero: no end
	givenUp time.Duration // zero: never
	want    error         // nil: an answer
	took    time.Duration
}{
	"never, and the answer comes in the last moment": {serve: slowly(lateTimeout - 1), took: lateTimeout - 1},
	"never, and no answer comes":                     {serve: silent, want: errOfNode, took: lateTimeout},
	"while it waited, and the answer is there":       {where: "waits", lasts: 300 * time.Millisecond, serve: slowly(time.Millisecond), took: 300 * time.Millisecond},
	"while it waited, and the answer comes just now": {where: "waits", lasts: 300 * time.Millisecond, serve: slowly(320*time.Millisecond - 1), took: 320*time.Millisecond - 1},
	"while it waited, for a moment":                  {where: "waits", lasts: 110 * time.Millisecond, serve: slowly(time.Millisecond), took: 110 * time.Millisecond},
	"while it waited, and there is no answer":        {where: "waits", lasts: 300 * time.Millisecond, serve: silent, want: memcache.ErrLate, took: 320 * time.Millisecond},
	"for a moment, and there is no answer":           {where: "waits", lasts: 125 * time.Millisecond, serve: silent, want: errOfNode, took: 126 * time.Millisecond},
	"for a little longer, and there is no answer":    {where: "waits", lasts: 126 * time.Millisecond, serve: silent, want: memcache.ErrLate, took: 146 * time.Millisecond},
	"while it waited, and the request is over":       {where: "waits", lasts: 300 * time.Millisecond, serve: silent, request: 50 * time.Millisecond, want: context.DeadlineExceeded, took: 320 * time.Millisecond},
	"while it waited, and the node was given up":     {where: "waits", lasts: 300 * time.Millisecond, serve: silent, givenUp: 200 * time.Millisecond, want: errOfNode, took: 300 * time.Millisecond},
	"before it wrote":                                {where: "writes", lasts: 300 * time.Millisecond, serve: slowly(90 * time.Millisecond), took: 390 * time.Millisecond},
	"before it wrote, and no answer comes":           {where: "writes", lasts: 300 * time.Millisecond, serve: silent, want: errOfNode, took: 400 * time.Millisecond},
	"before it wrote, and the request is over":       {where: "writes", lasts: 300 * time.Millisecond, serve: silent, request: 200 * time.Millisecond, want: context.DeadlineExceeded, took: 300 * time.Millisecond},
	"before it wrote, and the request's end is near": {where: "writes", lasts: 300 * time.Millisecond, serve: silent, request: 350 * time.Millisecond, want: context.DeadlineExceeded, took: 350 * time.Millisecond},
	"while it connected":                             {where: "connects", lasts: 300 * time.Millisecond, serve: slowly(90 * time.Millisecond), took: 390 * time.Millisecond},
	"while it connected, for a moment":               {where: "connects", lasts: 110 * time.Millisecond, serve: slowly(90 * time.Millisecond), want: errOfNode, took: 110 * time.Millisecond},
	"when it had connected":                          {where: "has connected", lasts: 300 * time.Millisecond, serve: slowly(90 * time.Millisecond), took: 390 * time.Millisecond},
}
