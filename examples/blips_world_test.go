package examples

import (
	"bufio"
	"fmt"
	"math"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// blipModes are the modes that are played. Sticky instances have a backup, too, so that both modes hold as many copies.
var blipModes = []struct {
	name string
	env  []string
}{
	{"non-sticky", nil},
	{"sticky", []string{"MSM_STICKY=true", "MSM_BACKUPS=1"}},
}

// blipWorld is three memcached processes, two instances, and the visitors whose sessions they hold.
type blipWorld struct {
	*cluster
	apps    []*process
	traffic *traffic
	idle    float64 // commands per second that no request asks for, such as probes
	needs   float64 // commands per request when all is well
}

// startBlipWorld starts a world in which each instance has begun half of the sessions. An access is recorded after a
// part of the idle timeout. With a long one, what a request needs is the same from begin to end.
func startBlipWorld(t *testing.T, sessions, callers int, env ...string) *blipWorld {
	w := &blipWorld{cluster: startNodes(t, 3)}
	for _, route := range []string{"a", "b"} {
		all := append([]string{w.nodes, "MSM_ROUTE=" + route, "MSM_IDLE_TIMEOUT=48h"}, env...)
		w.apps = append(w.apps, start(t, exec.Command(build(t, "nethttp"), "-addr", "127.0.0.1:0"), all...))
	}
	w.traffic = newTraffic(w.apps, callers)
	t.Cleanup(w.traffic.client.CloseIdleConnections)
	w.traffic.fill(sessions)
	return w
}

// commands returns how many commands the nodes have done by now. Every key of a get counts as one.
func (w *blipWorld) commands() (n int) {
	w.t.Helper()
	for _, s := range w.servers {
		stats := serverStats(w.t, s.Addr())
		if stats["evictions"] > 0 {
			w.t.Fatal("a node has no room for the sessions: what it forgets looks like a fault")
		}
		for _, name := range []string{"cmd_get", "cmd_set", "cmd_touch", "cmd_meta", "delete_hits", "delete_misses"} {
			n += stats[name] // cmd_set counts add, cas and append, too
		}
	}
	return n
}

// serverStats returns the numbers of memcached's stats.
func serverStats(t *testing.T, addr string) map[string]int {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(conn, "stats\r\n")
	stats := map[string]int{}
	for lines := bufio.NewScanner(conn); lines.Scan() && lines.Text() != "END"; {
		if word := strings.Fields(lines.Text()); len(word) == 3 {
			stats[word[1]], _ = strconv.Atoi(word[2]) // versions and the like are no numbers
		}
	}
	return stats
}

// downs returns how often the instances have said that a node is down. They log at most four changes of a node in ten
// seconds.
func (w *blipWorld) downs() (n int) {
	for _, p := range w.apps {
		n += strings.Count(p.output.String(), "node is down")
	}
	return n
}

// state returns whether every instance uses every node (up), and also none refills one (settled).
func (w *blipWorld) state() (up, settled bool) {
	up, settled = true, true
	for _, p := range w.apps {
		for _, n := range p.health().Nodes {
			up = up && n.State == "up"
			settled = settled && up && n.Refill.State != "waiting" && n.Refill.State != "running"
		}
	}
	return up, settled
}

// begin measures what the instances do without requests, has the callers come, and measures what a request needs when
// all is well.
func (w *blipWorld) begin() (stop func()) {
	w.t.Helper()
	w.idle = w.steady(func(a, b reading) float64 { return float64(b.commands-a.commands) / b.at.Sub(a.at).Seconds() })
	stop = w.traffic.run()
	w.needs = w.steady(func(a, b reading) float64 { return w.stretch(a, b).each })
	return stop
}

// steady returns a rate as soon as it stays the same for some time.
func (w *blipWorld) steady(rate func(a, b reading) float64) (all float64) {
	w.t.Helper()
	eventually(w.t, "the nodes are asked the same for some time", func() bool {
		first := w.read()
		time.Sleep(calmTime)
		second := w.read()
		time.Sleep(2 * calmTime)
		third := w.read()
		all = rate(first, third)
		_, settled := w.state()
		return settled && first.downs == third.downs && math.Abs(rate(first, second)-all) < all/20
	})
	return all
}
