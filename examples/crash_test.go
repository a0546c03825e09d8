package examples

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
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

// stalls measures, until ctx ends, for how long at a stretch this machine kept us from running.
func stalls(ctx context.Context) <-chan time.Duration {
	worst := make(chan time.Duration, 1)
	go func() {
		longest := time.Duration(0)
		for ctx.Err() == nil {
			began := time.Now()
			time.Sleep(2 * time.Millisecond)
			longest = max(longest, time.Since(began)-2*time.Millisecond)
		}
		worst <- longest
	}()
	return worst
}

// TestInstanceKilled checks G2: SIGKILL ends a sticky instance under the load of 64 visitors, and another instance must
// find what was promised.
func TestInstanceKilled(t *testing.T) {
	for name, test := range map[string]func(t *testing.T){
		"sync: every acknowledged count":                     killedWithSync,
		"async: every count that was stored, and none twice": killedWithAsync,
		"async: no more is lost than the gauge said":         killedWithGauge,
	} {
		t.Run(name, func(t *testing.T) {
			if !*strict { // -strict measures times
				t.Parallel()
			}
			test(t)
		})
	}
}

func killedWithSync(t *testing.T) {
	c := startNodes(t, 2)
	a, b := c.sticky("a", "MSM_BACKUP_ASYNC=false"), c.sticky("b", "MSM_BACKUP_ASYNC=false")
	crowd := startCrowd(a)
	crowd.counted(10)
	kill(a, syscall.SIGKILL)
	crowd.done.Wait()
	total := 0
	for i, n := range crowd.found(t, a, b) {
		total += n
		if acked := crowd.all[i].last(); n < acked || n > acked+1 { // one more may have been in flight
			t.Errorf("visitor %d: %d of %d acknowledged counts", i, n, acked)
		}
	}
	t.Logf("%d counts, none lost", total)
}

// killedWithAsync checks that what was stored before is there. That everything is stored within 100 ms is shown in fake
// time, by TestWriteBehind, and measured here with -strict.
func killedWithAsync(t *testing.T) {
	c := startNodes(t, 2)
	a, b := c.sticky("a"), c.sticky("b")
	crowd := startCrowd(a)
	crowd.counted(10)
	crowd.rest()
	a.written()
	var stored [visitors]int
	for i, v := range crowd.all {
		stored[i] = v.last()
	}
	crowd.goOn()
	ctx, cancel := context.WithCancel(context.Background())
	worst := stalls(ctx)
	crowd.counted(20)
	killed := time.Now()
	kill(a, syscall.SIGKILL)
	crowd.done.Wait()
	cancel()
	slack := <-worst
	total, lost, oldest := 0, 0, time.Duration(0)
	for i, n := range crowd.found(t, a, b) {
		v := crowd.all[i]
		if n < stored[i] || n > v.last()+1 {
			t.Errorf("visitor %d: %d of %d acknowledged counts, of which %d were stored", i, n, v.last(), stored[i])
		}
		total, lost = total+n, lost+max(0, v.last()-n)
		oldest = max(oldest, killed.Sub(v.after(n)))
		if old := v.before(killed.Add(-asyncBound - slack)); *strict && n < old {
			t.Errorf("visitor %d: %d of %d counts that were old enough", i, n, old)
		}
	}
	t.Logf("%d counts, %d younger ones lost, the oldest %v old; the machine stood still for %v", total, lost, oldest, slack)
}

func killedWithGauge(t *testing.T) {
	c := startNodes(t, 2)
	a, b := c.sticky("a"), c.sticky("b")
	crowd := startCrowd(a)
	crowd.counted(10)
	crowd.rest()
	pending := a.health().Local.PendingChanges
	kill(a, syscall.SIGKILL)
	lost := 0
	for i, n := range crowd.found(t, a, b) {
		lost += max(0, crowd.all[i].last()-n)
	}
	if lost > pending {
		t.Errorf("%d lost; the gauge said %d", lost, pending)
	}
	t.Logf("%d lost of %d pending", lost, pending)
}

// TestInstanceTerminated checks that SIGTERM under load loses nothing, and that the program says so.
func TestInstanceTerminated(t *testing.T) {
	t.Parallel()
	c := startNodes(t, 2)
	a, b := c.sticky("a"), c.sticky("b")
	crowd := startCrowd(a)
	crowd.counted(10)
	a.terminate()
	crowd.done.Wait()
	for i, n := range crowd.found(t, a, b) {
		if acked := crowd.all[i].last(); n < acked || n > acked+1 {
			t.Errorf("visitor %d: %d of %d acknowledged counts", i, n, acked)
		}
	}
	if out := a.output.String(); !strings.Contains(out, "stopped; 0 sessions left to store") {
		t.Errorf("it says:\n%s", out)
	}
}

// TestTerminatedWithoutANode checks that the program says how many sessions it could not store.
func TestTerminatedWithoutANode(t *testing.T) {
	t.Parallel()
	c := startNodes(t, 1)
	c.killAll()
	a := startPatient(t, "nethttp", 100*time.Millisecond, c.nodes, "MSM_STICKY=true")
	for range 3 {
		a.browser.Jar, _ = cookiejar.New(nil)
		wantCount(a, 1)
	}
	kill(a, syscall.SIGTERM)
	<-a.read
	if err := a.cmd.Wait(); err == nil {
		t.Error("it ends as if all were well")
	}
	if out := a.output.String(); !strings.Contains(out, "3 sessions could not be stored") {
		t.Errorf("it says:\n%s", out)
	}
}

// TestIdleSessionsOutliveTheirNodeAndTheirInstance has 300 sessions that nobody asks for. A node comes back empty, and
// then their instance is killed.
func TestIdleSessionsOutliveTheirNodeAndTheirInstance(t *testing.T) {
	t.Parallel()
	const idle = 300
	c := startNodes(t, 2)
	a := c.sticky("a")
	var visitors []*visitor
	for range idle {
		jar, _ := cookiejar.New(nil)
		v := &visitor{client: &http.Client{Jar: jar, Timeout: patience}}
		if n, err := v.count(a.url); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		visitors = append(visitors, v)
	}
	a.written()
	c.servers["n1"].Kill()
	a.state("n1", "down")
	c.servers["n1"].Restart()
	a.state("n1", "up")
	eventually(t, "all sessions on the nodes again", func() bool { return c.total() == idle })
	a.written()
	kill(a, syscall.SIGKILL)
	b := c.sticky("b")
	from, _ := url.Parse(a.url)
	to, _ := url.Parse(b.url)
	found := 0
	for _, v := range visitors {
		v.client.Jar.SetCookies(to, v.client.Jar.Cookies(from))
		if n, err := v.count(b.url); n == 2 && err == nil {
			found++
		}
	}
	if found != idle {
		t.Errorf("%d of %d sessions are there", found, idle)
	}
}
