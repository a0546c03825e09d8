package replica

import (
	"context"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/node"
)

// Failures are the nodes that one request has waited for in vain. It does not ask them again, whatever else it has to do, so that a
// node costs it one timeout; for a second, for some requests last long. It is safe for concurrent use, and the zero value is
// empty.
type Failures struct {
	mu   sync.Mutex
	list []waited
}

type waited struct {
	node *node.Node
	at   time.Time
}

// failureMemory is how long a failure counts.
const failureMemory = time.Second

// FailuresKey is the key of a request's *Failures in its context.
type FailuresKey struct{}

func failuresOf(ctx context.Context) *Failures {
	f, _ := ctx.Value(FailuresKey{}).(*Failures)
	return f
}

func (f *Failures) add(n *node.Node) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, waited{n, time.Now()})
}

func (f *Failures) has(n *node.Node) bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.list {
		if w.node == n && time.Since(w.at) < failureMemory {
			return true
		}
	}
	return false
}

func (f *Failures) forget() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}
