package msm

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// run is when one handler ran, and how its request was answered.
type run struct {
	instance   int
	begin, end time.Time
	status     int
}

// tabs are a visitor's: they send requests of one session to two instances, and record when handlers ran.
type tabs struct {
	t  *testing.T
	id string
	m  []*Manager
	in []*instance

	mu   sync.Mutex
	runs []run
	wait sync.WaitGroup
}

func newTabs(t *testing.T, w *world, config Config) *tabs {
	v := &tabs{t: t}
	for range 2 {
		m, in := w.manager(config)
		v.m, v.in = append(v.m, m), append(v.in, in)
	}
	v.send(t.Context(), 0, func(s *Session) { s.Set("n", 0) })
	v.wait.Wait()
	v.runs = nil
	return v
}

// send starts a request with a handler.
func (v *tabs) send(ctx context.Context, instance int, handler func(*Session)) {
	v.wait.Go(v.request(ctx, instance, handler))
}

// again starts a client that sends one request after the other until then.
func (v *tabs) again(instance int, until time.Time, handler func(*Session)) {
	v.wait.Go(func() {
		for time.Now().Before(until) {
			v.request(v.t.Context(), instance, handler)()
		}
	})
}

// request returns a function that sends a request with the present id.
func (v *tabs) request(ctx context.Context, instance int, handler func(*Session)) func() {
	v.mu.Lock()
	tab := visitor{id: v.id}
	v.mu.Unlock()
	return func() {
		r := run{instance: instance}
		func() {
			defer func() { _ = recover() }()
			r.status = tab.send(v.m[instance], httptest.NewRequestWithContext(ctx, "POST", "/", nil), func(s *Session) {
				r.begin = time.Now()
				defer func() { r.end = time.Now() }()
				handler(s)
			}).Code
		}()
		v.mu.Lock()
		defer v.mu.Unlock()
		if tab.cookies > 0 {
			v.id = tab.id
		}
		v.runs = append(v.runs, r)
	}
}

// ran waits for all requests, and returns those whose handler ran, in the order in which they began.
func (v *tabs) ran() (list []run) {
	v.wait.Wait()
	for _, r := range v.runs {
		if !r.begin.IsZero() {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b run) int { return a.begin.Compare(b.begin) })
	return list
}

func overlaps(runs []run) (n int) {
	for i := 1; i < len(runs); i++ {
		if runs[i].begin.Before(runs[i-1].end) {
			n++
		}
	}
	return n
}

// count returns the session's count.
func (v *tabs) count() (n int) {
	v.send(context.Background(), 0, func(s *Session) { n = Get[int](s, "n") })
	v.wait.Wait()
	return n
}

// slowly returns a handler that counts by a read and, after d, a write. Only a lock keeps the two together.
func slowly(d time.Duration) func(*Session) {
	return func(s *Session) {
		n := Get[int](s, "n")
		time.Sleep(d)
		s.Set("n", n+1)
	}
}

// serve sends the first instance a request whose handler gets the response writer.
func (v *tabs) serve(h http.HandlerFunc) {
	req := httptest.NewRequest("POST", "/", nil)
	req.Header.Set("Cookie", "SESSION="+v.id)
	v.m[0].Middleware(h).ServeHTTP(connected{httptest.NewRecorder()}, req)
}

// connected is a response with a connection that can be hijacked.
type connected struct{ *httptest.ResponseRecorder }

func (connected) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, _ := net.Pipe()
	return conn, bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn)), nil
}
