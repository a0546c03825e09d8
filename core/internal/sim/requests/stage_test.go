package requests

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/sid"
)

// play plays a seed from begin to end.
func (w *world) play() {
	w.instances = make([]*instance, w.set.places)
	for place := range w.set.places {
		w.launch(place, fmt.Sprintf("r%d", place))
		time.Sleep(time.Duration(1+w.rng.IntN(1e6)) * time.Microsecond / 1000)
	}
	var tabs sync.WaitGroup
	for i := range w.set.visitors {
		v := &visitor{world: w, name: fmt.Sprintf("v%d", i)}
		w.visitors = append(w.visitors, v)
		for j := range w.set.tabs {
			name := fmt.Sprintf("%s%c", v.name, 'a'+j)
			t := &tab{visitor: v, name: name, rng: rand.New(rand.NewPCG(w.seed, 1000+uint64(10*i+j)))}
			tabs.Go(t.run)
		}
		if w.set.slow {
			t := &tab{visitor: v, name: v.name + "slow", slow: true, rng: rand.New(rand.NewPCG(w.seed, 2000+uint64(i)))}
			tabs.Go(t.dawdle)
		}
	}
	for range w.set.faults {
		time.Sleep(w.pause(200, int(w.set.lull.Milliseconds())))
		w.rest(5 * time.Second)
		w.strike()
		w.rest(10 * time.Second)
		w.wake()
		w.repair()
	}
	time.Sleep(w.pause(200, 500))
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.quiet()
	tabs.Wait()
	w.end()
}

func (w *world) pause(least, most int) time.Duration {
	return time.Duration(least)*time.Millisecond + time.Duration(w.rng.Int64N(int64(most-least)*1e6))
}

// quiet lets requests end, and none begin. If they do not end, the instances are crashed, so that the play ends.
func (w *world) quiet() {
	w.mu.Lock()
	w.paused = true
	w.mu.Unlock()
	if !w.until("requests do not end", func() bool { return w.acting == 0 }) {
		for _, in := range w.instances {
			in.crash()
		}
	}
}

// until waits until ok, which is guarded by mu. It returns false if that does not come.
func (w *world) until(otherwise string, ok func() bool) bool {
	return w.untilNone(func() string {
		if ok() {
			return ""
		}
		return otherwise
	})
}

// untilNone waits until fault names no fault any more. It returns false if that does not come.
func (w *world) untilNone(fault func() string) bool {
	last := ""
	for range 300 {
		w.mu.Lock()
		last = fault()
		w.mu.Unlock()
		if last == "" {
			return true
		}
		time.Sleep(101*time.Millisecond + 77)
	}
	w.violate("%s", last)
	return false
}

// repair waits until every session has its copies again, so that another fault is not a second one.
func (w *world) repair() {
	time.Sleep(w.pause(0, 1000))
	w.quiet()
	w.until("the instances do not use all nodes again", w.calm)
	if w.set.sticky || w.disturbed == "evict" {
		w.visit()
	}
	w.untilNone(w.lacking)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note("repaired")
	w.fault, w.calmSince, w.paused = "", time.Now(), false
}

// visit has every visitor come once.
func (w *world) visit() {
	for _, v := range w.visitors {
		w.mu.Lock()
		s := v.jar
		w.mu.Unlock()
		if s != nil {
			t := &tab{visitor: v, name: v.name + "!", rng: w.rng}
			t.send(s, "count")
		}
	}
}

// calm reports whether every instance uses every node.
func (w *world) calm() bool {
	for _, in := range w.instances {
		for _, n := range in.manager.Stats().Nodes {
			if n.State != msm.NodeUp {
				return false
			}
		}
	}
	return true
}

// lacking names a session that lacks a copy, or an instance that has something to store; empty: there is none.
func (w *world) lacking() string {
	for _, in := range w.instances {
		if l := in.manager.Stats().Local; l != nil && l.PendingSessions+int(l.PendingChanges) > 0 {
			return fmt.Sprintf("%s has %d changes of %d sessions to store", in.name, l.PendingChanges, l.PendingSessions)
		}
	}
	for _, v := range w.visitors {
		if v.jar != nil && !v.jar.mayBeOver() && !w.holds(v.jar.cookie()) {
			return v.jar.name + " lacks a copy"
		}
	}
	for _, e := range w.endings {
		if w.set.backups > 0 && w.stored(e.cookie) != nil && !w.holds(e.cookie) && !w.buried(e.cookie) {
			return "the tombstone of " + e.cookie + " lacks a copy"
		}
	}
	return ""
}

// holds reports whether the session's newest record is on every node that it names. If no node was there for a while,
// an instance that found one before the others may have left a newest record that nobody asks for any more. Then the
// record that the cookie leads to counts.
func (w *world) holds(cookie string) bool {
	return w.everywhere(cookie, w.stored(cookie)) || w.wasAway && w.everywhere(cookie, w.ledTo(cookie))
}

// everywhere reports whether all nodes that the record names have it, in their present epochs.
func (w *world) everywhere(cookie string, newest *record.Record) bool {
	if newest == nil || newest.Unsettled || len(newest.Copies) <= w.set.backups {
		return false
	}
	for _, c := range newest.Copies {
		s := w.server(c.Node)
		epoch, err := s.Memory().Get(context.Background(), "msm:epoch")
		there := s.record(cookie)
		if err != nil || !strings.HasPrefix(string(epoch.Value), fmt.Sprintf("%08x ", c.Epoch)) || there == nil || there.Rank() != newest.Rank() {
			return false
		}
	}
	return true
}

// buried reports whether enough nodes have a tombstone, of this logout or of another one at the same time.
func (w *world) buried(cookie string) bool {
	newest := w.stored(cookie)
	if len(newest.Copies) <= w.set.backups {
		return false
	}
	for _, c := range newest.Copies {
		if there := w.server(c.Node).record(cookie); there == nil || !there.Tombstone {
			return false
		}
	}
	return true
}

// begun reports whether the session's home (its primary) has it, which is written last.
func (w *world) begun(cookie string) bool {
	newest := w.stored(cookie)
	return newest != nil && w.server(newest.Home).record(cookie) != nil
}

// stored returns the newest record that any server has.
func (w *world) stored(cookie string) (newest *record.Record) {
	for _, s := range w.servers {
		rec := s.record(cookie)
		if rec != nil && (newest == nil || newest.Rank().Before(rec.Rank())) {
			newest = rec
		}
	}
	return newest
}

// ledTo returns the record of the node that the cookie names, if that is its home.
func (w *world) ledTo(cookie string) *record.Record {
	id, _, _ := ids.Parse(cookie)
	s := w.server(id.Node)
	if s == nil {
		return nil
	}
	if rec := s.record(cookie); rec != nil && rec.Home == id.Node {
		return rec
	}
	return nil
}

func (s *server) record(cookie string) *record.Record {
	item, err := s.Memory().Get(context.Background(), sid.Key("msm:", sid.Record, tokenOf(cookie)))
	if err != nil {
		return nil
	}
	rec, err := record.Decode(item.Value)
	if err != nil && !errors.Is(err, record.ErrSealed) {
		panic(err)
	}
	return rec
}

// end looks at every session through every instance, and closes the instances.
func (w *world) end() {
	w.until("at the end, the instances do not use all nodes", w.calm)
	w.untilNone(w.lacking)
	time.Sleep(2 * soon)
	for _, in := range w.instances {
		for _, v := range w.visitors {
			if v.jar != nil && !v.jar.mayBeOver() {
				w.last(v.jar, in)
			}
		}
	}
	for _, in := range w.instances {
		for _, e := range w.endings {
			if w.forgotten(e) || e.apart {
				continue
			}
			if a := in.request("the end", "/read", e.cookie); !a.ok() || a.text != "gone" {
				w.violate("at the end, the dead cookie %s is taken by %s: %d %s", e.cookie, in.name, a.status, a.text)
			}
		}
	}
	for _, in := range w.instances {
		if l := in.manager.Stats().Local; l != nil && l.Overwrites > 0 && !w.wasAway {
			w.violate("%s has had %d clashes", in.name, l.Overwrites)
		}
		in.end()
	}
}

// last compares what is there with what was promised.
func (w *world) last(s *session, in *instance) {
	a := in.request("the end", "/read", s.cookie())
	w.say("at the end %s has for %s: %d %s", in.name, s.name, a.status, a.text)
	acked := 0
	for _, o := range s.ops {
		if o.kind == "count" && !o.ended.IsZero() {
			acked++
		}
	}
	var name, note string
	var n int
	if _, err := fmt.Sscanf(a.text, "%s %d %q", &name, &n, &note); !a.ok() || err != nil || name != s.name {
		w.violate("at the end %s finds for %s: %d %q", in.name, s.name, a.status, a.text)
		return
	}
	if n < acked && w.overwritten() { // what an instance stored that reached the nodes before the others
		w.excuse("values were overwritten after a time without any node")
	} else if n < acked || n > s.counts {
		w.violate("at the end %s sees %d counts of %s, of %d acknowledged and %d sent", in.name, n, s.name, acked, s.counts)
	}
	if a.cookie != "" {
		s.cookies = append(s.cookies, a.cookie)
	}
}

// overwritten reports whether a sticky instance has overwritten what others had stored, after it had no node for so long
// that its changes had become a difference of values (rule L11).
func (w *world) overwritten() bool {
	return w.wasAway && slices.ContainsFunc(w.instances, func(in *instance) bool {
		l := in.manager.Stats().Local
		return l != nil && l.Overwrites > 0
	})
}
