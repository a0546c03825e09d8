package node

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Failures are the nodes on which one request has waited in vain. All its accesses share them. The request does not ask
// such a node again for a second, whatever else it has to do, so that a node costs it one timeout; not for longer,
// because some requests last long. It is safe for concurrent use; the zero value is empty, and a nil one remembers
// nothing.
type Failures struct {
	mu   sync.Mutex
	list []Waited
}

// Waited is a node on which a request has waited in vain.
type Waited struct {
	Node  *Node
	At    time.Time
	probe uint64 // number of the node's last probe that had begun by then
}

// InVain says that a request has just waited for the node in vain.
func (n *Node) InVain() Waited { return Waited{n, time.Now(), n.suspicion.begun.Load()} }

// Probed reports whether a probe of the node has begun since, and ended.
func (w Waited) Probed() bool { return w.Node.Probes() > w.probe }

// Refound reports whether the node has been probed since, and can be used.
func (w Waited) Refound() bool { return w.Node.Available() && w.Probed() }

// FailureMemory is how long a failure counts.
const FailureMemory = time.Second

// FailuresKey is the key of a request's *Failures in its context.
type FailuresKey struct{}

// FailuresOf returns the Failures of the request whose context this is, or nil if it keeps none.
func FailuresOf(ctx context.Context) *Failures {
	f, _ := ctx.Value(FailuresKey{}).(*Failures)
	return f
}

// WithFailures returns a context with Failures of its own, for work outside of a request; or ctx, if that has some.
func WithFailures(ctx context.Context) context.Context {
	if FailuresOf(ctx) != nil {
		return ctx
	}
	return context.WithValue(ctx, FailuresKey{}, new(Failures))
}

// After adds the failures that another request has met since a moment, while this one waited for it to end. This one has
// then waited for those nodes as well (rule C20). It returns the failures that the next one in turn inherits: f, or other
// if f is nil.
func (f *Failures) After(other *Failures, since time.Time) *Failures {
	if f == nil || other == nil {
		return cmp.Or(f, other)
	}
	other.mu.Lock()
	met := slices.Clone(other.list)
	other.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, slices.DeleteFunc(met, func(w Waited) bool { return w.At.Before(since) })...)
	return f
}

// Add adds a failure.
func (f *Failures) Add(w Waited) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, w)
}

// Recent returns the failures that count.
func (f *Failures) Recent() (list []Waited) {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.list {
		if time.Since(w.At) < FailureMemory {
			list = append(list, w)
		}
	}
	return list
}

// Of returns the failure of a node that counts.
func (f *Failures) Of(n *Node) (w Waited, met bool) {
	if f == nil {
		return Waited{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.list, func(w Waited) bool { return w.Node == n && time.Since(w.At) < FailureMemory })
	if i < 0 {
		return Waited{}, false
	}
	return f.list[i], true
}

// Has reports whether a failure of the node counts.
func (f *Failures) Has(n *Node) bool {
	_, met := f.Of(n)
	return met
}

// Forget forgets all failures.
func (f *Failures) Forget() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}
