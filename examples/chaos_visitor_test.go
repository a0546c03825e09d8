package examples

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// guest counts, stores a text, logs in and out, and knows what it was promised.
type guest struct {
	arena  *arena
	name   string
	client *http.Client
	rng    *rand.Rand

	cookie  string
	born    time.Time // when the session began
	servant string    // route of the app that answered last
	acks    []ack     // counts that were acknowledged in this session, rising
	maybe   int       // counts whose request failed: done or not, now or later
	text    string    // the text that was acknowledged last
	textAt  time.Time
	texts   map[string]bool // all that were sent in this session
	unsure  bool            // a login or logout failed: the session may have another id, or be gone
	dead    []deadCookie
	written int

	asked atomic.Int32             // requests that have ended
	at    atomic.Pointer[arenaApp] // the app whose answer it waits for
}

// deadCookie is a cookie that must not be accepted.
type deadCookie struct {
	value string
	since time.Time
}

func newGuest(a *arena, i int) *guest {
	g := &guest{
		arena: a, name: fmt.Sprintf("guest%d", i), rng: rand.New(rand.NewPCG(uint64(i), 1)), texts: map[string]bool{},
		client: &http.Client{Timeout: patience, Transport: &http.Transport{}},
	}
	a.t.Cleanup(g.client.CloseIdleConnections)
	return g
}

func (g *guest) run(ctx context.Context) {
	for ctx.Err() == nil {
		switch n := g.rng.IntN(1000); {
		case n < 700:
			g.count()
		case n < 800:
			g.write()
		case n < 930:
			g.read()
		case n < 960:
			g.login()
		case n < 980:
			g.logout()
		default:
			g.replay()
		}
		time.Sleep(time.Duration(g.rng.IntN(g.arena.leisure)) * time.Microsecond)
	}
}

// ask sends a request to the app that the balancer picks. If ok is false, nobody knows whether the request did what it
// should.
func (g *guest) ask(method, path, body, cookie string) (text string, status int, ok bool) {
	app, url := g.arena.pick(cookie, g.rng.IntN(1<<20))
	g.at.Store(app)
	defer func() { g.at.Store(nil); g.asked.Add(1) }()
	got, ok := g.arena.send(g.client, app, newRequest(method, url+path, cookie, strings.NewReader(body)))
	if got.status != 0 {
		g.servant = app.route
	}
	if ok && got.cookie != nil && cookie == g.cookie {
		if g.cookie == "" {
			g.born = time.Now()
		}
		g.cookie = got.cookie.Value
	}
	return got.text, got.status, ok
}

func (g *guest) last() int {
	if len(g.acks) == 0 {
		return 0
	}
	return g.acks[len(g.acks)-1].n
}

func (g *guest) count() {
	text, status, ok := g.ask("POST", "/count", "", g.cookie)
	switch {
	case !ok:
		g.maybe++
		return
	case g.isTold(status):
		return
	}
	var got struct{ Count int }
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		g.arena.report.violate("foreign", "%s: POST /count answers %q", g.name, text)
		return
	}
	g.sees(got.Count - 1)
	g.acks = append(g.acks, ack{got.Count, time.Now()})
}

// sees compares a count with what was promised.
func (g *guest) sees(n int) {
	switch promised := g.promised(); {
	case n == 0 && g.unsure && promised > 0: // the logout happened, or the guest never got the new id
		cookie, texts := g.cookie, g.texts // of the new session, which may have been written to
		g.begin()
		g.cookie, g.texts = cookie, texts
	case n < promised:
		g.arena.report.violate("lost", "%s: %d of %d acknowledged counts, %d of them promised", g.name, n, g.last(), promised)
		g.acks = nil
	case n < g.last():
		g.arena.report.young(g.last() - n)
		g.maybe += g.last() - n // an instance that was only halted may still have them
		g.acks = nil
	case n > g.last()+g.maybe:
		g.arena.report.violate("doubled", "%s: %d; %d acknowledged, %d unknown", g.name, n, g.last(), g.maybe)
	}
	g.unsure = false
}

// promised returns the count that must be there: all or, with asynchronous backup, what was acknowledged long enough
// before an instance was killed or halted.
func (g *guest) promised() int {
	since, young := g.lastHalt()
	if since.IsZero() || len(g.acks) == 0 {
		return g.last()
	}
	n := 0
	for _, a := range g.acks {
		if a.at.Before(young) || a.at.After(since.Add(time.Second)) {
			n = a.n
		}
	}
	return n
}

// lastHalt returns when an instance was last killed or halted, and from when on others may not know what it had
// acknowledged before. Both are zero if there was none, or if everything is stored before it is acknowledged.
func (g *guest) lastHalt() (since, young time.Time) {
	since, was := g.arena.report.lastInstanceFault()
	if !g.arena.mode.async || !was {
		return time.Time{}, time.Time{}
	}
	return since, since.Add(-asyncBound - g.arena.report.stall())
}

// asyncBound is what a crash may cost with asynchronous backup; see the README, sticky mode.
const asyncBound = 100 * time.Millisecond

func (g *guest) write() {
	if g.cookie == "" {
		return
	}
	g.written++
	text := fmt.Sprintf("%s:%d", g.name, g.written)
	g.texts[text] = true
	switch _, status, ok := g.ask("PUT", "/attributes/text", text, g.cookie); {
	case !ok:
		g.text = "" // this text may be stored, or the one before
	case !g.isTold(status):
		g.text, g.textAt = text, time.Now()
	}
}

// isTold reports whether the guest's id was ended by a login whose answer, with the new id, did not arrive. For a while
// after a login its former id begins no session, and is answered 409.
func (g *guest) isTold(status int) bool {
	if status != http.StatusConflict || !g.unsure {
		return false
	}
	g.begin()
	return true
}

func (g *guest) read() {
	if g.cookie == "" {
		return
	}
	text, status, ok := g.ask("GET", "/attributes/text", "", g.cookie)
	switch {
	case !ok:
	case status == http.StatusOK && !g.texts[text]:
		g.arena.report.violate("foreign", "%s reads %q", g.name, text)
	case g.text == "" || text == g.text || g.unsure:
	case g.arena.mode.async && g.arena.report.instanceFaultSince(g.textAt.Add(-time.Second)):
	default:
		g.arena.report.violate("lost", "%s reads %d %q; %q was acknowledged", g.name, status, text, g.text)
		g.text = ""
	}
}

func (g *guest) login() {
	old := g.cookie
	if old == "" {
		return
	}
	if _, status, ok := g.ask("POST", "/login?user="+g.name, "", old); !ok || status == http.StatusConflict {
		g.unsure = true
		return
	}
	if g.cookie != old {
		g.buried(old)
	}
}

func (g *guest) logout() {
	old := g.cookie
	if old == "" {
		return
	}
	if _, status, ok := g.ask("POST", "/logout", "", old); !ok || status == http.StatusConflict {
		g.unsure = true
		return
	}
	g.buried(old)
	g.begin()
}

// buried records that the cookie must be dead from now on. It does not if its session was so young when its instance
// was killed or halted that the instance that ended it could not know of it.
func (g *guest) buried(cookie string) {
	since, young := g.lastHalt()
	elsewhere := !strings.HasSuffix(cookie, "."+g.servant)
	if !since.IsZero() && elsewhere && g.born.After(young) {
		return
	}
	g.dead = append(g.dead, deadCookie{cookie, time.Now()})
}

// begin forgets the session, so that the next request begins another one.
func (g *guest) begin() {
	g.cookie, g.acks, g.maybe, g.text, g.unsure = "", nil, 0, "", false
	g.texts = map[string]bool{}
}

// replay tries a cookie that must be dead. One of the last seconds may meet an instance that was cut off. So replay is
// for quiet machines only (-strict); otherwise all are tried in the end.
func (g *guest) replay() {
	if len(g.dead) == 0 || !*strict {
		return
	}
	c := g.dead[g.rng.IntN(len(g.dead))]
	if time.Since(c.since) > 2*time.Second && !g.arena.report.faultWithin(2*time.Second) {
		g.tryDead(c)
	}
}

// tryDead checks that a dead cookie is not accepted. A logout that met a fault gets everywhere by the nodes' probes;
// how soon is judged only with -strict.
func (g *guest) tryDead(c deadCookie) {
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		text, _, ok := g.ask("GET", "/session", "", c.value)
		if !ok || strings.Contains(text, `"id":""`) {
			return
		}
		if *strict || time.Now().After(end) {
			g.arena.report.violate("resurrected", "%s: a dead cookie is accepted", g.name)
			return
		}
	}
}

// finish checks everything once more when all is well.
func (g *guest) finish() {
	g.unsure = g.unsure && g.last() > 0
	if g.cookie != "" {
		if text, _, ok := g.ask("GET", "/count", "", g.cookie); ok {
			var got struct{ Count int }
			_ = json.Unmarshal([]byte(text), &got)
			g.sees(got.Count)
		} else {
			g.arena.report.violate("lost", "%s: no answer when all is well", g.name)
		}
	}
	for _, c := range g.dead {
		g.tryDead(c)
	}
}
