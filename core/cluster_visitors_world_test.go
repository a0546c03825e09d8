package msm_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const thinkTime = 20 * time.Millisecond

// visitors are clients that each count in a session of their own.
type visitors struct {
	cluster *cluster
	clients []*http.Client
	acked   []int
	answers []atomic.Int64 // responses to each of them
	slowest atomic.Int64   // nanoseconds; logged, and not judged
	stop    chan struct{}
	done    sync.WaitGroup
}

func (c *cluster) visitors(n int) *visitors {
	v := &visitors{cluster: c, acked: make([]int, n), answers: make([]atomic.Int64, n), stop: make(chan struct{})}
	transport := &http.Transport{MaxIdleConnsPerHost: n}
	c.t.Cleanup(transport.CloseIdleConnections)
	for range n {
		jar, _ := cookiejar.New(nil)
		v.clients = append(v.clients, &http.Client{Jar: jar, Transport: transport})
	}
	return v
}

func (v *visitors) begin() {
	for i := range v.clients {
		v.done.Go(func() {
			for {
				select {
				case <-v.stop:
					return
				case <-time.After(thinkTime):
				}
				v.count(i)
			}
		})
	}
}

func (v *visitors) end() {
	close(v.stop)
	v.done.Wait()
}

// rounds waits until every visitor has had n responses to requests that began after the call.
func (v *visitors) rounds(n int64) {
	v.cluster.t.Helper()
	waitForRounds(v.cluster.t, v.answers, n)
}

// answered returns how many responses all of them have had.
func (v *visitors) answered() (n int64) {
	for i := range v.answers {
		n += v.answers[i].Load()
	}
	return n
}

// told returns what was measured, for the log.
func (v *visitors) told() string {
	return fmt.Sprintf("%d requests, the slowest took %v, %+v", v.answered(), time.Duration(v.slowest.Load()), v.cluster.manager.Stats())
}

func (v *visitors) count(i int) {
	began := time.Now()
	n := v.ask(i, "POST")
	took := int64(time.Since(began))
	for old := v.slowest.Load(); took > old && !v.slowest.CompareAndSwap(old, took); old = v.slowest.Load() {
	}
	v.answers[i].Add(1)
	if n >= 0 {
		if n != v.acked[i]+1 {
			v.cluster.t.Errorf("visitor %d: counted %d after %d", i, n, v.acked[i])
		}
		v.acked[i] = n
	}
}

func (v *visitors) ask(i int, method string) int {
	req, _ := http.NewRequest(method, v.cluster.URL, nil)
	a := &app{v.cluster.Server, v.clients[i], v.cluster.t}
	resp, body := a.send(req)
	n, err := strconv.Atoi(body)
	if resp.StatusCode != 200 || err != nil {
		v.cluster.t.Errorf("visitor %d: %s answers %d %q", i, method, resp.StatusCode, body)
		return -1
	}
	return n
}

func (v *visitors) check() {
	v.cluster.t.Helper()
	for i, want := range v.acked {
		if n := v.ask(i, "GET"); n != want {
			v.cluster.t.Errorf("visitor %d: %d of %d acknowledged counts are there", i, n, want)
		}
	}
}

func (v *visitors) on(node string) (n int) {
	for _, client := range v.clients {
		if nodeOf(v.cluster.cookie(client)) == node {
			n++
		}
	}
	return n
}

// each calls do for each visitor, for 32 of them at the same time.
func (v *visitors) each(do func(i int)) {
	var all sync.WaitGroup
	for worker := range 32 {
		all.Go(func() {
			for i := worker; i < len(v.clients); i += 32 {
				do(i)
			}
		})
	}
	all.Wait()
}

// logOut logs some visitors out, who keep their old cookies.
func (v *visitors) logOut(who func(i int) bool) {
	v.each(func(i int) {
		if !who(i) {
			return
		}
		old := v.cluster.cookie(v.clients[i])
		req, _ := http.NewRequest("POST", v.cluster.URL+"/logout", nil)
		a := &app{v.cluster.Server, v.clients[i], v.cluster.t}
		if resp, _ := a.send(req); resp.StatusCode != 200 {
			v.cluster.t.Errorf("visitor %d: logout answers %d", i, resp.StatusCode)
		}
		v.clients[i].Jar.SetCookies(mustURL(v.cluster.URL), []*http.Cookie{{Name: "SESSION", Value: old, Path: "/"}})
		v.acked[i] = 0
	})
}
