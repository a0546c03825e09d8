package examples

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// visitor counts with a session of its own, and knows what was acknowledged when.
type visitor struct {
	client *http.Client
	acked  []ack
	counts atomic.Int32 // how many were acknowledged
}

type ack struct {
	n  int
	at time.Time
}

// count asks an instance to add one. An error means that nobody knows whether it did.
func (v *visitor) count(url string) (n int, err error) {
	resp, err := v.client.Post(url+"/count", "", nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, errors.New(resp.Status)
	}
	var got struct{ Count int }
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		return 0, err
	}
	v.acked = append(v.acked, ack{got.Count, time.Now()})
	v.counts.Add(1)
	return got.Count, nil
}

// run counts until ctx ends or the instance does not respond any more.
func (v *visitor) run(ctx context.Context, url string) {
	for ctx.Err() == nil {
		if _, err := v.count(url); err != nil {
			return
		}
	}
}

func (v *visitor) last() int {
	if len(v.acked) == 0 {
		return 0
	}
	return v.acked[len(v.acked)-1].n
}

// before returns the count that was acknowledged by t.
func (v *visitor) before(t time.Time) (n int) {
	for _, a := range v.acked {
		if a.at.Before(t) {
			n = a.n
		}
	}
	return n
}

// after returns when the first count beyond n was acknowledged, or now if none was.
func (v *visitor) after(n int) time.Time {
	for _, a := range v.acked {
		if a.n > n {
			return a.at
		}
	}
	return time.Now()
}

const visitors = 64

// crowd is many visitors at work, all on one instance.
type crowd struct {
	all  [visitors]*visitor
	on   *process
	done sync.WaitGroup
	rest func() // stops them, when each has its response
}

func startCrowd(p *process) *crowd {
	c := &crowd{on: p}
	for i := range c.all {
		jar, _ := cookiejar.New(nil)
		c.all[i] = &visitor{client: &http.Client{Jar: jar, Timeout: patience, Transport: &http.Transport{}}}
		p.t.Cleanup(c.all[i].client.CloseIdleConnections)
	}
	c.goOn()
	return c
}

// goOn lets everyone count until rest is called.
func (c *crowd) goOn() {
	ctx, stop := context.WithCancel(context.Background())
	c.rest = func() { stop(); c.done.Wait() }
	c.on.t.Cleanup(stop)
	for _, v := range c.all {
		c.done.Go(func() { v.run(ctx, c.on.url) })
	}
}

// counted waits until each has n acknowledged counts, at least.
func (c *crowd) counted(n int32) {
	c.on.t.Helper()
	for _, v := range c.all {
		eventually(c.on.t, "a visitor counts", func() bool { return v.counts.Load() >= n })
	}
}

// found returns what another instance finds of each visitor's count.
func (c *crowd) found(t *testing.T, first, second *process) (counts []int) {
	t.Helper()
	for i, v := range c.all {
		old, _ := url.Parse(first.url)
		now, _ := url.Parse(second.url)
		v.client.Jar.SetCookies(now, v.client.Jar.Cookies(old))
		acked := v.acked
		n, err := v.count(second.url)
		if err != nil {
			t.Errorf("visitor %d: %v", i, err)
		}
		v.acked = acked
		counts = append(counts, n-1)
	}
	return counts
}

func kill(p *process, signal syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
}
