package local_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/random"
)

// trace records what happens in a play: its steps, and every operation that comes to a server.
type trace struct {
	mu   sync.Mutex
	text strings.Builder
	over bool // what happens while the play is taken down does not matter
}

var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when fake time begins

func (tr *trace) add(format string, args ...any) {
	if tr == nil {
		return
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if !tr.over {
		fmt.Fprintf(&tr.text, "%14v "+format+"\n", append([]any{time.Since(start)}, args...)...)
	}
}

func (tr *trace) end() {
	if tr != nil {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		tr.over = true
	}
}

func (tr *trace) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.String()
}

func (tr *trace) lines() []string { return strings.Split(tr.String(), "\n") }

// opTime is how long an operation takes at most.
const opTime = 500 * time.Microsecond

// way makes each operation take a time that depends only on its instance, on what it does and how often it was done
// before. So no two things happen at the same moment, where the order of goroutines would decide, and it does not
// matter who draws a random number first.
func (d *drama) way(own *random.Source, at string) nodetest.Fault {
	var mu sync.Mutex
	times := map[nodetest.Op]int{}
	return func(_ context.Context, op nodetest.Op, do func() error) error {
		mu.Lock()
		times[op]++
		name := fmt.Sprint(at, op, times[op])
		mu.Unlock()
		time.Sleep(1 + own.Of(name).Wait(opTime))
		err := do()
		d.trace.add("%s: %s by %s: %v", at, kindOf(op), op.From, err)
		return err
	}
}

// kindOf describes an operation with only the first digits of the hash in its key.
func kindOf(op nodetest.Op) string {
	if kind, hash, of := strings.Cut(strings.TrimPrefix(op.Key, "msm:"), ":"); of && len(hash) > 6 {
		return fmt.Sprint(op.Kind, " ", kind, " ", hash[:6])
	}
	return fmt.Sprint(op.Kind, " ", op.Key)
}

func (d *drama) say(format string, args ...any) { d.trace.add(format, args...) }

// tell records what each server and each instance has.
func (d *drama) tell() {
	for _, id := range slices.Sorted(maps.Keys(d.servers)) {
		if r := d.stored(id, d.visitor.token); r != nil {
			n, _ := r.Get("n")
			d.say("%s: term %d version %d home %s copies %v unsettled %v n = %s", id, r.Term, r.Version, r.Home, r.Copies, r.Unsettled, n)
		}
	}
	for _, route := range slices.Sorted(maps.Keys(d.instances)) {
		if s := d.instances[route].Get(d.visitor.token); s != nil {
			rec, node := s.Rehome()
			d.say("%s: term %d version %d on %s n = %s", route, rec.Term, rec.Version, node, value(s, "n"))
		}
	}
}
