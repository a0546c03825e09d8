package examples

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// pace is how often a caller sends a request, unless it waits for an answer.
const pace = 25 * time.Millisecond

// traffic is a steady load. Each caller reads and writes its own sessions in turn. traffic remembers the answers.
type traffic struct {
	apps   []*process
	client *http.Client
	held   [][]*heldSession // by caller

	answered atomic.Int64
	mu       sync.Mutex
	calls    []call
	wrong    []string // counts that are not what they must be
}

// heldSession is a session whose visitor knows what it must hold.
type heldSession struct {
	cookie string
	count  int // acknowledged
	maybe  int // beyond count: their requests failed
}

// call is a request that has ended.
type call struct {
	began, ended time.Time
	status       int
	said         string // with a failure
}

func newTraffic(apps []*process, callers int) *traffic {
	return &traffic{
		apps: apps, held: make([][]*heldSession, callers),
		client: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: callers, IdleConnTimeout: 5 * time.Second}},
	}
}

// fill begins sessions, the same number at each instance. Few begin at a time, because many could look like a fault.
func (t *traffic) fill(sessions int) {
	var all sync.WaitGroup
	at := make(chan struct{}, 4)
	for i := range t.held {
		all.Go(func() {
			for range sessions / len(t.held) {
				s := &heldSession{}
				t.held[i] = append(t.held[i], s)
				at <- struct{}{}
				t.ask(http.MethodPost, s, len(t.held[i]))
				<-at
			}
		})
	}
	all.Wait()
}

// sessions returns how many sessions are held.
func (t *traffic) sessions() int { return len(t.held) * len(t.held[0]) }

// run has the callers come until stop is called, which waits for their last answers.
func (t *traffic) run() (stop func()) {
	leaving, leave := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for i, mine := range t.held {
		all.Go(func() {
			time.Sleep(pace * time.Duration(i) / time.Duration(len(t.held))) // not all at once
			for i := 0; leaving.Err() == nil; i++ {
				next := time.Now().Add(pace)
				t.ask([]string{http.MethodGet, http.MethodPost}[i%2], mine[i/2%len(mine)], i/2)
				time.Sleep(time.Until(next))
			}
		})
	}
	return func() { leave(); all.Wait() }
}

// ask sends a request for the count, or to add one. Its balancer follows the route in the session's id, if there is
// one; otherwise the instances take turns.
func (t *traffic) ask(method string, s *heldSession, turn int) {
	app := t.apps[turn%len(t.apps)]
	if _, route, ok := strings.Cut(s.cookie, "."); ok {
		app = t.apps[route[0]-'a']
	}
	c := call{began: time.Now()}
	var count int
	count, c.status, c.said = t.send(method, app.url+"/count", s)
	c.ended = time.Now()
	t.answered.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, c)
	if wrong := s.told(method, count, c.status); wrong != "" {
		t.wrong = append(t.wrong, wrong+": "+method+" at "+c.began.Format(time.TimeOnly))
	}
}

// send sends a request, and keeps the cookie of the answer. An instance that does not answer counts as 502, as with a
// balancer.
func (t *traffic) send(method, url string, s *heldSession) (count, status int, said string) {
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		panic(err)
	}
	if s.cookie != "" {
		r.Header.Set("Cookie", "SESSION="+s.cookie)
	}
	resp, err := t.client.Do(r)
	if err != nil {
		return 0, http.StatusBadGateway, err.Error()
	}
	defer resp.Body.Close()
	for _, c := range resp.Cookies() {
		s.cookie = cmp.Or(c.Value, s.cookie)
	}
	if resp.StatusCode != http.StatusOK {
		return 0, resp.StatusCode, resp.Status
	}
	var got struct{ Count int }
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		return 0, http.StatusBadGateway, err.Error()
	}
	return got.Count, resp.StatusCode, ""
}

// told compares an answer with what was promised, and returns what is wrong with it; "": nothing.
func (s *heldSession) told(method string, count, status int) (wrong string) {
	more := 0
	if method == http.MethodPost {
		more = 1
	}
	if status != http.StatusOK {
		s.maybe += more
		return ""
	}
	unseen := count - more - s.count
	defer func(maybe int) { s.count, s.maybe = count, maybe-min(maybe, max(0, unseen)) }(s.maybe)
	switch {
	case unseen < 0:
		return "lost"
	case unseen > s.maybe:
		return "doubled"
	}
	return ""
}

// between returns the calls that were under way at some moment between two others.
func (t *traffic) between(from, to time.Time) (calls []call) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.calls {
		if c.began.Before(to) && c.ended.After(from) {
			calls = append(calls, c)
		}
	}
	return calls
}
