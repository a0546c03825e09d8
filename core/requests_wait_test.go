package msm_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestRequestsThatWaitForEachOther: G8. What requests of one session change is stored one after the other. A node hangs, and one of them
// runs out of time on it; those that have waited for it meanwhile do not wait for the node as well.
func TestRequestsThatWaitForEachOther(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]msm.Config{
		"non-sticky":            {},
		"sticky":                {Sticky: true, Backups: 1},
		"sticky, synchronously": {Sticky: true, Backups: 1, BackupSync: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 3)
				m := w.manager(config)
				id := begin(t, m, addOne)
				for round := range 5 { // a probe that has just begun would tell them before
					time.Sleep(5 * time.Second) // it is stored, and looked after
					w.waitForEachOther(m, &id, 1+4*round)
				}
			})
		})
	}
}

// waitForEachOther has a node hang while four requests of a session count, which has counted that far. The id is where the session
// is in the end.
func (w *network) waitForEachOther(m *msm.Manager, id *string, counted int) {
	const timeout = 100 * time.Millisecond
	hangs := make(chan struct{})
	var done sync.WaitGroup
	for i := range 4 {
		done.Go(func() {
			var began time.Time
			resp := visit(m, *id, func(s *msm.Session) {
				<-hangs
				time.Sleep(time.Duration(i) * 25 * time.Millisecond)
				add(s)
				began = time.Now()
			})
			if took := time.Since(began); resp.StatusCode != 200 || took > timeout {
				w.t.Errorf("request %d: %d after %v", i, resp.StatusCode, took)
			}
		})
	}
	synctest.Wait()
	node, _, _ := strings.Cut(nodeOf(*id), ".")
	w.servers[node].halt()
	close(hangs)
	done.Wait()
	w.servers[node].goOn()
	resp := visit(m, *id, func(s *msm.Session) {
		if n := count.Get(s); n != counted+4 {
			w.t.Errorf("counted %d; want %d", n, counted+4)
		}
	})
	for _, c := range sessionCookies(resp) {
		*id = c.Value
	}
}

// TestARequestWaitsForTheWriteBehind: G8. As above; what runs out of time first is the write behind an answer.
func TestARequestWaitsForTheWriteBehind(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]func(s *msm.Session){
		"a change that calls the application": addOne,
		"a login":                             func(s *msm.Session) { s.Renew() },
		"a logout":                            func(s *msm.Session) { s.Destroy() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 3)
				m := w.manager(msm.Config{Sticky: true, Backups: 1})
				for range 5 { // a probe that has just begun would tell it before
					time.Sleep(5 * time.Second)
					w.waitForTheWriteBehind(m, handler)
				}
			})
		})
	}
}

// waitForTheWriteBehind has a node hang while a change of a new session is written to it, and the handler's request come meanwhile.
func (w *network) waitForTheWriteBehind(m *msm.Manager, handler func(s *msm.Session)) {
	const timeout = 100 * time.Millisecond
	id := begin(w.t, m, addOne)
	time.Sleep(time.Second)
	node, _, _ := strings.Cut(nodeOf(id), ".")
	w.servers[node].halt()
	visit(m, id, func(s *msm.Session) { s.Set("user", "ann") })
	time.Sleep(120 * time.Millisecond) // after 70 its change is written
	began := time.Now()
	resp := visit(m, id, handler)
	if took := time.Since(began); resp.StatusCode != 200 || took > timeout {
		w.t.Errorf("%d after %v", resp.StatusCode, took)
	}
	w.servers[node].goOn()
}
