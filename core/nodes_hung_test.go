package msm_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// call is a request and its response, as the visitor sees it.
type call struct {
	to           *msm.Manager
	began, ended time.Time
	status       int
}

// crowd is a number of visitors who count, each with one request after the other.
type crowd struct {
	m    []*msm.Manager
	stop chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex
	calls []call
	ids   []string
	acked []int
}

// newCrowd begins a session for each of n visitors, whose requests go to the managers in turn.
func newCrowd(t *testing.T, n int, m ...*msm.Manager) *crowd {
	c := &crowd{m: m, stop: make(chan struct{})}
	for range n {
		c.ids, c.acked = append(c.ids, begin(t, m[0], func(s *msm.Session) { add(s) })), append(c.acked, 1)
	}
	return c
}

// come makes every visitor send requests until leave, each 20 ms after the response to the last one.
func (c *crowd) come() {
	for i := range c.ids {
		c.done.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-c.stop:
					return
				case <-time.After(20*time.Millisecond + time.Duration(i)*time.Microsecond):
				}
				c.count(i, c.m[(i+n)%len(c.m)])
			}
		})
	}
}

func (c *crowd) count(i int, m *msm.Manager) {
	n, began := 0, time.Now()
	resp := visit(m, c.ids[i], func(s *msm.Session) { n = add(s) })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, call{m, began, time.Now(), resp.StatusCode})
	c.ids[i] = idOf(resp, c.ids[i])
	if resp.StatusCode == 200 {
		c.acked[i] = n
	}
}

func (c *crowd) leave() {
	close(c.stop)
	c.done.Wait()
}

// TestRequestsWhileANodeHangs: F-02, G8. When a node hangs, operations under way on it end with the first timeout. From
// then on no request waits for the node, nor for a probe of it. TestStoppedNode checks real processes.
func TestRequestsWhileANodeHangs(t *testing.T) {
	t.Parallel()
	const timeout = 100 * time.Millisecond
	const givenUp = 2*timeout + 25*time.Millisecond // an operation runs out of time, and then a probe; with the visitors' pauses
	for name, c := range map[string]struct {
		nodes, instances int
		config           msm.Config
	}{
		"one of two nodes":                 {2, 1, msm.Config{}},
		"one of three nodes":               {3, 1, msm.Config{}},
		"one of three nodes, for two apps": {3, 2, msm.Config{}},
		"in sticky mode, synchronously":    {3, 1, msm.Config{Sticky: true, BackupSync: true, Backups: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, c.nodes)
				var m []*msm.Manager
				for range c.instances {
					m = append(m, w.manager(c.config))
				}
				crowd := newCrowd(t, 16, m...)
				crowd.come()
				time.Sleep(200 * time.Millisecond)
				hangs := time.Now()
				w.servers["n2"].halt()
				time.Sleep(time.Second / 2)
				w.servers["n2"].goOn()
				time.Sleep(time.Second / 2)
				crowd.leave()

				waited := 0
				for _, call := range crowd.calls {
					took := call.ended.Sub(call.began)
					if call.status != 200 || took > timeout {
						t.Errorf("%d after %v", call.status, took)
					}
					if took == 0 {
						continue
					}
					waited++
					if since := call.began.Sub(hangs); since < 0 || since > givenUp {
						t.Errorf("one waited from %v to %v after the node began to hang", since, call.ended.Sub(hangs))
					}
				}
				if waited == 0 || waited > 2*len(crowd.ids) {
					t.Errorf("%d requests waited", waited)
				}
				for i, id := range crowd.ids {
					visit(m[0], id, func(s *msm.Session) {
						if n := count.Get(s); n != crowd.acked[i] {
							t.Errorf("visitor %d: counts %d; %d were acknowledged", i, n, crowd.acked[i])
						}
					})
				}
				t.Logf("%d requests, of which %d waited", len(crowd.calls), waited)
			})
		})
	}
}

// TestASlowNodeIsNoOutage: one node of two answers each operation late, but in time. More requests come than there are
// connections to it; they wait for one another, and none is refused.
func TestASlowNodeIsNoOutage(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]msm.Config{
		"not sticky":                    {},
		"in sticky mode":                {Sticky: true, Backups: 1},
		"in sticky mode, synchronously": {Sticky: true, BackupSync: true, Backups: 1},
		"in sticky mode, synchronously, without backups": {Sticky: true, BackupSync: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 2)
				m := w.manager(config)
				crowd := newCrowd(t, 300, m)
				w.servers["n1"].slow(80 * time.Millisecond)
				crowd.come()
				time.Sleep(2 * time.Second)
				crowd.leave()
				refused := 0
				for _, call := range crowd.calls {
					if call.status != 200 {
						refused++
					}
				}
				if n := m.Stats().Nodes[0]; refused > 0 || n.State != msm.NodeUp {
					t.Errorf("%d of %d requests were refused, the slow node is %s", refused, len(crowd.calls), n.State)
				}
			})
		})
	}
}

// TestMaxConns checks how many connections requests make to a node; the prober has its own.
func TestMaxConns(t *testing.T) {
	t.Parallel()
	for want, config := range map[int]msm.Config{64: {}, 5: {MaxConns: 5}} {
		synctest.Test(t, func(t *testing.T) {
			w := newNetwork(t, 1)
			m := w.manager(config)
			w.servers["n1"].slow(10 * time.Millisecond)
			crowd := newCrowd(t, 1, m)
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() { crowd.count(0, m) })
			}
			all.Wait()
			if n := int(w.servers["n1"].dials.Load()); n < want || n > want+2 {
				t.Errorf("%d connections; want %d", n, want)
			}
		})
	}
}

// TestConnectionsAreGivenBack: G9. Every instance has had a burst, and the servers take no more connections than that
// made. A little later there is room for another instance.
func TestConnectionsAreGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 2)
		for _, s := range w.servers {
			s.most = 150 // of 3 times 64, and the probers'
			s.slow(5 * time.Millisecond)
		}
		id := ""
		for range 3 {
			m := w.manager(msm.Config{})
			id = begin(t, m, addOne)
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() { visit(m, "", addOne) })
			}
			all.Wait()
		}
		for node, s := range w.servers {
			if n := s.open.Load(); n < 120 {
				t.Errorf("%s has %d connections, which leave room", node, n)
			}
		}
		time.Sleep(2 * time.Minute)
		for node, s := range w.servers {
			if n := s.open.Load(); n > 3*10 { // probers', and what refills and repairs have used within the last minute
				t.Errorf("%s has %d connections of three instances that do nothing", node, n)
			}
		}
		visit(w.manager(msm.Config{}), id, func(s *msm.Session) {
			if n := count.Get(s); n != 1 {
				t.Errorf("another instance counts %d after 1", n)
			}
		})
	})
}

// TestCloseWaitsForOneTimeoutAtMost checks this whatever else the manager does.
func TestCloseWaitsForOneTimeoutAtMost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		nodes int
		most  time.Duration
		hangs []string
		after time.Duration   // before it is closed
		state msm.RefillState // of the first node by then
	}{
		"nothing goes on":               {2, 0, nil, 15 * time.Second, msm.RefillDone},
		"a refill":                      {2, 0, nil, 5 * time.Second, msm.RefillRunning},
		"a node hangs":                  {2, 100 * time.Millisecond, []string{"n2"}, 10 * time.Millisecond, msm.RefillWaiting},
		"a node has hung for some time": {2, 100 * time.Millisecond, []string{"n2"}, 3 * time.Second, msm.RefillRunning},
		"all nodes hang":                {3, 100 * time.Millisecond, []string{"n1", "n2", "n3"}, 10 * time.Millisecond, msm.RefillWaiting},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, c.nodes)
				m := w.manager(msm.Config{RefillRate: 10})
				id := begin(t, m, func(s *msm.Session) { add(s) })
				for range 100 {
					begin(t, m, func(s *msm.Session) { add(s) })
				}
				for _, node := range c.hangs {
					w.servers[node].halt()
				}
				var request sync.WaitGroup
				request.Go(func() { visit(m, id, func(s *msm.Session) { add(s) }) })
				time.Sleep(c.after)
				if r := refillOf(m, "n1"); r.State != c.state {
					t.Errorf("%+v", r)
				}
				began := time.Now()
				if err := m.Close(t.Context()); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took > c.most {
					t.Errorf("closed after %v; at most %v", took, c.most)
				}
				for _, node := range c.hangs {
					w.servers[node].goOn()
				}
				request.Wait()
			})
		})
	}
}
