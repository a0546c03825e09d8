package replica

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/node"
)

// Failures are the nodes on which one request has waited in vain. All its accesses share them. The request does not ask
// such a node again for a second, whatever else it has to do, so that a node costs it one timeout; not for longer,
// because some requests last long. It is safe for concurrent use; the zero value is empty, and a nil one remembers
// nothing.
type Failures struct {
	mu   sync.Mutex
	list []waited
}

type waited struct {
	node  *node.Node
	at    time.Time
	looks uint64 // probes of the node that had ended by then
}

// refound reports whether the node has been probed since, and can be used.
func (w waited) refound() bool { return w.node.Available() && w.node.Probes() > w.looks }

// failureMemory is how long a failure counts.
const failureMemory = time.Second

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
	f.list = append(f.list, slices.DeleteFunc(met, func(w waited) bool { return w.at.Before(since) })...)
	return f
}

func (f *Failures) add(n *node.Node) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, waited{n, time.Now(), n.Probes()})
}

// recent returns the failures that count.
func (f *Failures) recent() (list []waited) {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.list {
		if time.Since(w.at) < failureMemory {
			list = append(list, w)
		}
	}
	return list
}

// of returns the failure of a node that counts.
func (f *Failures) of(n *node.Node) (w waited, met bool) {
	if f == nil {
		return waited{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.list, func(w waited) bool { return w.node == n && time.Since(w.at) < failureMemory })
	if i < 0 {
		return waited{}, false
	}
	return f.list[i], true
}

func (f *Failures) has(n *node.Node) bool {
	_, met := f.of(n)
	return met
}

func (f *Failures) forget() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}
