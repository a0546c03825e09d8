package replica

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// hintLimit bounds what is remembered of one node. Beyond, everything on the node counts as stale.
const hintLimit = 10_000

// hints are the sessions whose copies on a node are stale, or missing, because this instance had to do without the node. They are
// what hinted handoff remembers: when the node answers again, and has lost nothing, just these are mended. Until then an
// id that names the node is not taken at its word. It is safe for concurrent use; the zero value is empty.
type hints struct {
	any atomic.Int64 // how many there are

	mu   sync.Mutex
	of   map[*node.Node]*debt
	last uint64 // hint
}

// debt is what a node is owed.
type debt struct {
	epoch uint32 // of the node as it was known last; 0: none was
	keys  map[string]hint
}

// hint is the last one of a session.
type hint struct {
	number uint64 // another one may come while one is delivered
	at     time.Time
}

// unlisted is how old a hint may be when the node is back with another epoch. What was stored without it before that it has lost, or a
// refill has listed; but this instance, which looks at a node that is away once a second, may have been the last to know that it is back.
const unlisted = 3 * time.Second

func (h *hints) add(n *node.Node, key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.now(n)
	if _, known := d.keys[key]; !known {
		if len(d.keys) >= hintLimit {
			h.forget(n)
			n.Replace()
			return
		}
		h.any.Add(1)
	}
	h.last++
	d.keys[key] = hint{h.last, time.Now()}
}

// now is what the node is owed, in its present epoch. Guarded by mu.
func (h *hints) now(n *node.Node) *debt {
	if h.of == nil {
		h.of = make(map[*node.Node]*debt)
	}
	d := h.of[n]
	if d == nil {
		d = &debt{n.Epoch(), make(map[string]hint)}
		h.of[n] = d
	}
	if epoch := n.Epoch(); epoch != d.epoch && epoch != 0 {
		if d.epoch != 0 {
			h.dropOld(d)
		}
		d.epoch = epoch
	}
	return d
}

// dropOld is guarded by mu.
func (h *hints) dropOld(d *debt) {
	for key, x := range d.keys {
		if time.Since(x.at) > unlisted {
			delete(d.keys, key)
			h.any.Add(-1)
		}
	}
}

// forget is guarded by mu.
func (h *hints) forget(n *node.Node) {
	if d := h.of[n]; d != nil {
		h.any.Add(-int64(len(d.keys)))
		delete(h.of, n)
	}
}

// has reports whether a copy is known to be stale.
func (h *hints) has(n *node.Node, key string) bool { return h.number(n, key) != 0 }

// number is that of the last hint of a session; 0: there is none.
func (h *hints) number(n *node.Node, key string) uint64 {
	if h.any.Load() == 0 {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.of[n]; d != nil {
		return d.keys[key].number
	}
	return 0
}

// settle says that the node has the session's newest record, or none, unless there was another hint since that of the number.
func (h *hints) settle(n *node.Node, key string, number uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.of[n]
	if d == nil || d.keys[key].number != number || number == 0 {
		return
	}
	delete(d.keys, key)
	h.any.Add(-1)
	if len(d.keys) == 0 {
		delete(h.of, n)
	}
}

// list answers what an available node is owed, in a fixed order.
func (h *hints) list(n *node.Node) (keys []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of[n] == nil {
		return nil
	}
	for key := range h.now(n).keys {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// without takes note that a write does without a node which had a copy, or should get one.
func (a *Access) without(n *node.Node) {
	if !slices.Contains(a.lacks, n) {
		a.lacks = append(a.lacks, n)
	}
	a.store.hints.add(n, a.key)
}

// remind says so once more when the write is over, for the hint may have been delivered before it was; and of nodes that an attempt
// got to before it failed, and that have no copy of what is stored now. Nothing else would ever take it from there.
func (a *Access) remind(stored *record.Record) {
	for _, n := range a.strewn {
		if stored != nil {
			if _, named := stored.Copy(n.ID()); named {
				continue
			}
		}
		a.without(n)
	}
	for _, n := range a.lacks {
		a.store.hints.add(n, a.key)
	}
	a.lacks, a.strewn = nil, nil
}

// Owed are the keys of sessions whose copies on a node are stale, or missing, because this instance had to do without it;
// nil while it is not available.
func (s *Store) Owed(n *node.Node) []string {
	if s.hints.any.Load() == 0 || !n.Available() {
		return nil
	}
	return s.hints.list(n)
}

// CountOwed is how many sessions a node is owed, also while it is not available.
func (s *Store) CountOwed(n *node.Node) int {
	s.hints.mu.Lock()
	defer s.hints.mu.Unlock()
	if d := s.hints.of[n]; d != nil {
		return len(d.keys)
	}
	return 0
}

// uneven: a copy is missing, or they differ, for a write got to some of them only. Who made it was told that nobody knows; now
// everybody will.
func (f *found) uneven() bool {
	for _, s := range f.seen {
		if _, named := f.rec.Copy(s.node); named && (s.rec == nil || s.rec.Rank() != f.rec.Rank()) {
			return true
		}
	}
	return false
}

// Deliver brings to a node what it is owed of a session: the newest record takes the place of an older one, and if a copy is
// missing the session gets it. If it fails the node goes on being owed it.
func (s *Store) Deliver(ctx context.Context, at *node.Node, key string) error {
	number := s.hints.number(at, key)
	a := s.OpenKey(key, at.ID())
	a.thorough = true
	f, err := a.look(ctx)
	if errors.Is(err, ErrNoSession) {
		s.hints.settle(at, key, number)
		return nil
	}
	if err != nil {
		return err
	}
	rec, over := f.rec, f.rec.Expired(s.Clock())
	for try := 0; try < 2 && !over && (f.claim || rec.Unsettled || a.copyMissing(rec) || f.uneven()); try++ { // a claim is settled by a second write
		a.found = f
		if rec, err = a.Write(ctx, nil); rec == nil {
			return gone(err)
		}
		if f, err = a.look(ctx); err != nil {
			return gone(err)
		}
		rec = f.rec
	}
	if _, has := rec.Copy(at.ID()); !has || over { // an older copy may have longer to live
		if err := s.cover(ctx, at, key, rec); err != nil {
			return err
		}
	}
	s.hints.settle(at, key, number)
	return nil
}
