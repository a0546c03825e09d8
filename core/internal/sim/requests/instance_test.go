package requests

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/internal/random"
)

const (
	opTimeout  = 100 * time.Millisecond
	maxSize    = 4096 // bytes of a session
	lockExpiry = 2 * time.Second
)

// instance is a running app process.
type instance struct {
	world   *world
	name    string // unique
	route   string
	place   int
	manager *msm.Manager
	handler http.Handler
	active  sync.WaitGroup
	crashed chan struct{}
	source  *random.Source

	// Guarded by world.mu.
	dead  bool
	knows time.Time // when it found out about the present fault; zero: it has not
	draws bool      // it is about to end, and the balancer sends it no more requests

	halted           chan struct{} // closed when it goes on; nil: it runs
	haltedAt, wentOn time.Time     // of the last halt
}

// launch starts an instance in a place, under that route.
func (w *world) launch(place int, route string) {
	w.mu.Lock()
	w.counts["instances"]++
	in := &instance{world: w, name: fmt.Sprintf("i%d", w.counts["instances"]), route: route, place: place, crashed: make(chan struct{})}
	w.mu.Unlock()
	c := msm.Config{
		Nodes: w.listed(""), Sticky: w.set.sticky, BackupSync: w.set.sync, Backups: w.set.backups, Route: route,
		OpTimeout: opTimeout, DialContext: in.dial, Logger: slog.New(slog.DiscardHandler), ErrorHandler: failed,
		MaxLocalSessions: w.set.held, MaxSessionSize: maxSize,
	}
	if w.set.mixed {
		vary(&c, place)
	}
	if w.set.idles {
		c.IdleTimeout = usualIdle
	}
	if w.set.locking {
		c.Locking, c.LockExpiry, c.LockWait = msm.LockAll, lockExpiry, cmp.Or(w.set.patience, 20*time.Second)
	}
	if !c.Sticky {
		c.Route = ""
	}
	if w.set.sealed {
		c.EncryptionKeys = [][]byte{bytes.Repeat([]byte("k"), 32)}
	}
	in.source = random.NewSource(w.seed, in.name)
	random.Replace(in.source)
	m, err := msm.New(c)
	if err != nil {
		panic(err)
	}
	in.manager = m
	in.handler = m.Middleware(http.HandlerFunc(in.app))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.instances[place] = in
	w.note("%s (route %s) begins", in.name, route)
}

// vary has an instance that is not sticky beside those that are, and one that stores before it answers. No instance
// promises less than the setting says.
func vary(c *msm.Config, place int) {
	switch place {
	case 1:
		c.Sticky, c.BackupSync, c.MaxLocalSessions, c.Backups = false, false, 0, 1
	case 2:
		c.BackupSync = true
	}
}

// failed answers with the error itself.
func failed(rw http.ResponseWriter, _ *http.Request, err error) {
	http.Error(rw, err.Error(), http.StatusServiceUnavailable)
}

// answer is what a visitor gets.
type answer struct {
	status int // 0: none, because the instance crashed
	text   string
	cookie string // that was set, "" if none was
}

func (a answer) ok() bool { return a.status == http.StatusOK }

// request sends a request to the instance, and waits for the answer.
func (in *instance) request(who, path, cookie string) answer {
	method := http.MethodPost
	if strings.HasPrefix(path, "/read") {
		method = http.MethodGet
	}
	r := httptest.NewRequest(method, path, nil)
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: "SESSION", Value: cookie})
	}
	r.Header.Set("From", who)
	r = r.WithContext(in.source.As(r.Context(), who))
	rw, done := httptest.NewRecorder(), make(chan struct{})
	in.active.Go(func() {
		defer close(done)
		in.run(who)
		in.handler.ServeHTTP(rw, r)
	})
	select {
	case <-done:
	case <-in.crashed:
		return answer{}
	}
	in.run(who)
	in.source.Pause(r.Context()) // answers that leave at the same moment arrive one after the other
	in.world.mu.Lock()
	dead := in.dead
	in.world.mu.Unlock()
	if dead {
		return answer{}
	}
	a := answer{status: rw.Code, text: strings.TrimSpace(rw.Body.String())}
	for _, c := range rw.Result().Cookies() {
		a.cookie = c.Value
	}
	return a
}

// crash ends the instance as SIGKILL does: nothing that it does from now on reaches a server or a visitor. What it has
// sent is still under way.
func (in *instance) crash() {
	w := in.world
	w.mu.Lock()
	in.dead = true
	w.note("%s crashes", in.name)
	for _, s := range w.servers {
		for _, c := range s.conns {
			if c.from == in {
				c.end(context.Canceled)
			}
		}
	}
	w.mu.Unlock()
	close(in.crashed)
	in.bury()
}

// bury ends the goroutines of an instance that crashed.
func (in *instance) bury() {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = in.manager.Close(over) // what it could not store is lost
}

// end closes the instance as SIGTERM should: it takes no more requests, gives the last answers, and stores the last
// changes.
func (in *instance) end() {
	w := in.world
	w.mu.Lock()
	in.draws = true
	w.note("%s is to end", in.name)
	w.mu.Unlock()
	in.active.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := in.manager.Close(ctx); err != nil {
		w.violate("%s does not close: %v", in.name, err)
	}
	w.say("%s has ended", in.name)
}
