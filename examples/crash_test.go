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
	"syscall"
	"testing"
	"time"
)

// visitor counts with a session of its own, and knows what was acknowledged when.
type visitor struct {
	client *http.Client
	acked  []ack
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
	return got.Count, nil
}

// run counts until ctx ends or the instance does not answer any more.
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

// before is what was acknowledged by then.
func (v *visitor) before(t time.Time) (n int) {
	for _, a := range v.acked {
		if a.at.Before(t) {
			n = a.n
		}
	}
	return n
}

const visitors = 64

// crowd is visitors under way, all on one instance.
type crowd struct {
	all  [visitors]*visitor
	done sync.WaitGroup
	stop context.CancelFunc
}

func startCrowd(p *process) *crowd {
	ctx, stop := context.WithCancel(context.Background())
	c := &crowd{stop: stop}
	for i := range c.all {
		jar, _ := cookiejar.New(nil)
		v := &visitor{client: &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{}}}
		p.t.Cleanup(v.client.CloseIdleConnections)
		c.all[i] = v
		c.done.Go(func() { v.run(ctx, p.url) })
	}
	return c
}

// found is what another instance finds of each visitor's count.
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

// stalls measures how long this machine kept us from running at a stretch.
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

// TestInstanceKilled: G2, SIGKILL of a sticky instance under the load of 64 visitors. What another instance finds then.
func TestInstanceKilled(t *testing.T) {
	t.Run("sync: every acknowledged count", func(t *testing.T) {
		c := startNodes(t, 2)
		a, b := c.sticky("a", "MSM_BACKUP_ASYNC=false"), c.sticky("b", "MSM_BACKUP_ASYNC=false")
		crowd := startCrowd(a)
		time.Sleep(500 * time.Millisecond)
		kill(a, syscall.SIGKILL)
		crowd.done.Wait()
		total := 0
		for i, n := range crowd.found(t, a, b) {
			total += n
			if acked := crowd.all[i].last(); n < acked || n > acked+1 { // one more may have been under way
				t.Errorf("visitor %d: %d of %d acknowledged counts", i, n, acked)
			}
		}
		t.Logf("%d counts, none lost", total)
	})
	t.Run("async: every count that was acknowledged 100 ms before", func(t *testing.T) {
		c := startNodes(t, 2)
		a, b := c.sticky("a"), c.sticky("b")
		crowd := startCrowd(a)
		ctx, cancel := context.WithCancel(context.Background())
		worst := stalls(ctx)
		time.Sleep(time.Second)
		killed := time.Now()
		kill(a, syscall.SIGKILL)
		crowd.done.Wait()
		cancel()
		slack := <-worst
		total, lost := 0, 0
		for i, n := range crowd.found(t, a, b) {
			total, lost = total+n, lost+max(0, crowd.all[i].last()-n)
			if old := crowd.all[i].before(killed.Add(-100*time.Millisecond - slack)); n < old {
				t.Errorf("visitor %d: %d of %d counts that were old enough", i, n, old)
			}
		}
		t.Logf("%d counts, %d younger ones lost; the machine stood still for %v", total, lost, slack)
	})
	t.Run("async: no more is lost than the gauge said", func(t *testing.T) {
		c := startNodes(t, 2)
		a, b := c.sticky("a"), c.sticky("b")
		crowd := startCrowd(a)
		time.Sleep(500 * time.Millisecond)
		crowd.stop()
		crowd.done.Wait()
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
	})
}

// TestInstanceTerminated: SIGTERM under load loses nothing, and says so.
func TestInstanceTerminated(t *testing.T) {
	c := startNodes(t, 2)
	a, b := c.sticky("a"), c.sticky("b")
	crowd := startCrowd(a)
	time.Sleep(500 * time.Millisecond)
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

// TestTerminatedWithoutANode: what cannot be stored is counted.
func TestTerminatedWithoutANode(t *testing.T) {
	c := startNodes(t, 1)
	c.killAll()
	a := c.sticky("a")
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

// TestIdleSessionsOutliveTheirNodeAndTheirInstance: 1,000 sessions that nobody asks for, a node that comes back empty, and
// then the instance is gone too.
func TestIdleSessionsOutliveTheirNodeAndTheirInstance(t *testing.T) {
	c := startNodes(t, 2)
	a := c.sticky("a")
	var visitors []*visitor
	for range 1000 {
		jar, _ := cookiejar.New(nil)
		v := &visitor{client: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
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
	eventually(t, "1,000 sessions on the nodes again", func() bool { return c.total() == 1000 })
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
	if found != 1000 {
		t.Errorf("%d of 1,000 sessions are there", found)
	}
}
