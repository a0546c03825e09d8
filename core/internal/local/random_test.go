package local_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/random"
	"github.com/gomsm/msm/core/internal/replica"
)

// visitor is a browser with a session in which it counts.
type visitor struct {
	token, node, route string
	acked, unknown     int // counts that were acknowledged, and counts whose outcome is unknown
}

// drama is a random play of two instances, some servers and a visitor whose load balancer changes its mind.
type drama struct {
	*world
	rng       *rand.Rand     // decides what happens
	pauses    *random.Source // see sleep
	config    local.Config
	instances map[string]*instance
	visitor   visitor
	began     int              // sessions so far
	faulty    *nodetest.Server // the server that has a fault; nil: none has
	fragile   int              // requests without a fault until an instance is sure to hold the session again
	trace     *trace
}

// sleep is a pause of the visitor. It never ends at the same moment as something else that took whole milliseconds.
func (d *drama) sleep(about time.Duration) { time.Sleep(about + 1 + d.pauses.Wait(time.Millisecond)) }

// pick chooses the instance that gets the next request.
func (d *drama) pick() (route string, on *instance) {
	routes := []string{"a", "b"}
	route = routes[d.rng.IntN(2)]
	switch {
	case d.visitor.route != "" && (d.rng.IntN(4) > 0 || d.divided()): // mostly the balancer is sticky
		route = d.visitor.route
	case !d.config.Sync:
		d.sleep(200 * time.Millisecond) // the balancer must not be faster than the write-behind
	}
	return route, d.instances[route]
}

// divided reports whether the instances may believe in different nodes: one has a fault, and there are no backups.
func (d *drama) divided() bool { return d.backups == 0 && len(d.servers) > 1 && d.faulty != nil }

// find finds the session, as a request does before its handler runs.
func (d *drama) find(route string, on *instance) (*session, error) {
	v := &d.visitor
	if v.route == route {
		return on.get(v.token, v.node)
	}
	return on.TakeOver(context.Background(), v.token, v.node, v.route)
}

// begin is a request that begins a session.
func (d *drama) begin() {
	route, on := d.pick()
	d.began++
	d.visitor = visitor{token: fmt.Sprint("t", d.began), route: route, acked: 1}
	s, err := on.create(d.visitor.token)
	d.say("begin %s on %s: %v", d.visitor.token, route, err)
	if err != nil {
		d.visitor = visitor{}
		return
	}
	d.visitor.node = nodeOf(s)
	if !d.config.Sync {
		d.settleAll() // until then only this instance has it
	}
}

// count is a request that adds one.
func (d *drama) count() {
	v := &d.visitor
	if v.token == "" {
		d.begin()
		return
	}
	route, on := d.pick()
	commit := (*session).Commit
	if d.rng.IntN(2) == 0 {
		commit = (*session).CommitNow
	}
	s, err := d.find(route, on)
	if err == nil {
		err = changeBy(commit, s, plus("n", 1))
	}
	for errors.Is(err, local.ErrRemoved) {
		if s, err = on.get(v.token, v.node); err == nil {
			err = changeBy(commit, s, plus("n", 1))
		}
	}
	switch {
	case errors.Is(err, replica.ErrNoSession):
		d.t.Errorf("the session is gone, with %d counts", v.acked)
		d.visitor = visitor{}
	case err != nil:
		v.unknown++
		d.fragile = 2 // the instance that held the session may find out with the first request that it was taken over
	default:
		v.acked++
		v.route, v.node = route, nodeOf(s)
		d.held()
	}
	d.say("count at %s: %v, %+v", route, err, *v)
}

// held is called when a request has succeeded.
func (d *drama) held() {
	if d.fragile > 0 && d.faulty == nil {
		d.fragile--
		d.sleep(200 * time.Millisecond) // until it is stored
	}
}

// logout ends the session. No instance may accept the old cookie half a second later; each is tried after one to four
// seconds.
func (d *drama) logout() {
	v := d.visitor
	if v.token == "" {
		return
	}
	route, on := d.pick()
	s, err := d.find(route, on)
	if err == nil {
		err = s.Destroy(context.Background())
	}
	d.say("logout at %s: %v", route, err)
	if err != nil {
		d.visitor.unknown++ // the session may be gone or not
		d.settleAll()
		d.visitor = visitor{}
		return
	}
	d.visitor = visitor{}
	d.sleep(time.Duration(1000+d.rng.IntN(3000)) * time.Millisecond)
	for _, r := range []string{"a", "b"} {
		if s, err := d.instances[r].get(v.token, v.node); err == nil {
			d.t.Errorf("%s is accepted by %s after its logout: n = %s", v.token, r, value(s, "n"))
		}
	}
}

// fault gives one server a fault, or ends the present one: there is one at a time.
func (d *drama) fault() {
	if d.faulty != nil {
		d.mend()
		return
	}
	if d.fragile > 0 && d.backups == 0 {
		return // the node has the only copy
	}
	id := fmt.Sprintf("n%d", 1+d.rng.IntN(len(d.servers)))
	d.faulty = d.servers[id]
	kind := d.rng.IntN(4)
	if len(d.servers) == 1 {
		d.sleep(300 * time.Millisecond) // a message that has not been read is lost with the only node
	}
	d.say("fault %d of %s", kind, id)
	switch kind {
	case 0:
		d.faulty.Fail(off)
	case 1:
		d.faulty.Restart(nil)
		d.sleep(2 * time.Second) // without backups only the instance that holds a session still has it
	case 2:
		d.faulty.Fail(mute(1 + d.rng.IntN(3)))
	case 3:
		d.faulty.Fail(nodetest.Slow(time.Duration(d.rng.IntN(60)) * time.Millisecond))
	}
}

// mend ends the fault, and waits until everything is repaired.
func (d *drama) mend() {
	if d.faulty == nil {
		return
	}
	d.say("mended")
	d.faulty.Fail(nil)
	d.faulty = nil
	d.sleep(8 * time.Second) // the next fault comes after repair
}

// settleAll ends the fault, and waits until everything is stored.
func (d *drama) settleAll() {
	d.mend()
	d.sleep(8 * time.Second)
}

// crash replaces an instance. What it has not stored is lost. Asynchronous backup does not promise more, so everything
// is stored first in that mode.
func (d *drama) crash() {
	if !d.config.Sync {
		d.settleAll()
	}
	route := []string{"a", "b"}[d.rng.IntN(2)]
	if d.faulty != nil { // a node and an instance at once would need two copies
		d.mend()
	}
	d.say("crash of %s", route)
	d.instances[route].crash()
	d.launch(route)
	d.fragile = max(d.fragile, 1)
	d.sleep(3 * time.Second) // crash has turned the servers off for a moment
}

// launch starts the instance of a route.
func (d *drama) launch(route string) {
	config := d.config
	config.Route = route
	d.instances[route] = d.start(config)
}

// end compares what a third instance finds with what was acknowledged.
func (d *drama) end() {
	d.settleAll()
	v := d.visitor
	if v.token == "" {
		return
	}
	for route, x := range d.instances {
		if c := x.Gauges(); c.PendingChanges != 0 || c.PendingSessions != 0 || x.Overwrites.Load() != 0 {
			d.t.Errorf("%s has %+v", route, c)
		}
	}
	c := d.start(local.Config{Route: "c"})
	s, err := c.TakeOver(context.Background(), v.token, v.node, v.route)
	if err != nil {
		d.t.Errorf("in the end: %v", err)
		return
	}
	var n int
	fmt.Sscan(value(s, "n"), &n)
	if n < v.acked || n > v.acked+v.unknown {
		d.tell()
		d.t.Errorf("n = %d after %d acknowledged and %d unknown counts", n, v.acked, v.unknown)
	}
}

// play takes 60 random steps, and checks how they end.
func (d *drama) play() {
	d.launch("a")
	d.launch("b")
	for range 60 {
		if d.t.Failed() {
			return
		}
		switch d.rng.IntN(12) {
		case 0:
			d.logout()
		case 1, 2:
			d.fault()
		case 3:
			d.crash()
		case 4:
			d.sleep(time.Duration(d.rng.IntN(20)) * time.Second)
		default:
			d.count()
			d.sleep(time.Duration(d.rng.IntN(150)) * time.Millisecond)
		}
	}
	d.end()
}
