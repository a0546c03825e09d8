package examples

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
	stalls := startStallLog()
	crowd.counted(20)
	killed := time.Now()
	kill(a, syscall.SIGKILL)
	crowd.done.Wait()
	stalls.stop()
	slack := stalls.worst(time.Time{}, time.Now())
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
