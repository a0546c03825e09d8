package msm

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// heardTime is how long an obituary is known to have been read: far longer than it stays on a node.
const heardTime = time.Minute

// burials sees to it that a logout through another instance holds for this one's nodes and memory: see replica.Obituary.
// It is safe for concurrent use.
type burials struct {
	store *replica.Store
	local *local.Store // nil: not sticky
	log   *journal.Journal
	wake  chan struct{}
	stop  context.CancelFunc
	done  sync.WaitGroup
	heard map[sid.Hash]time.Time // by the worker only

	mu   sync.Mutex
	news map[string][]byte // what was read last, by node; each has what was there the seconds before, too
}

func newBurials(store *replica.Store, log *journal.Journal) *burials {
	return &burials{
		store: store, log: log, wake: make(chan struct{}, 1), heard: make(map[sid.Hash]time.Time), news: make(map[string][]byte),
	}
}

// begin starts the work.
func (b *burials) begin() {
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	b.done.Go(func() { b.work(ctx) })
}

// close ends it. What is left to do others do, too.
func (b *burials) close() {
	b.stop()
	b.done.Wait()
}

// read takes the obituaries on a node. It waits for nothing: the node's prober calls it.
func (b *burials) read(n *node.Node, value []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.news[n.ID()] = value
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *burials) work(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-b.wake:
			b.forget()
			b.mu.Lock()
			news := maps.Clone(b.news)
			clear(b.news)
			b.mu.Unlock()
			for _, at := range slices.Sorted(maps.Keys(news)) {
				b.hear(ctx, at, b.unheard(replica.ParseObituaries(news[at])))
			}
		}
	}
}

// hear has the sessions leave memory, and then what lies on nodes overwritten.
func (b *burials) hear(ctx context.Context, at string, list []replica.Obituary) {
	if b.local != nil {
		ended := make([]uint64, 0, len(list))
		for _, o := range list {
			ended = append(ended, b.store.Short(o))
		}
		b.local.Ended(ctx, ended)
	}
	for _, o := range list {
		// With no node to ask nothing is to be done: it gets another epoch before it is used again.
		if err := b.store.Bury(ctx, o.Session, at); err != nil && ctx.Err() == nil && !errors.Is(err, replica.ErrUnavailable) {
			b.log.Event(ctx, slog.LevelWarn, "the copies of a destroyed session are not all overwritten", "", "error", err)
		}
	}
}

// unheard leaves out what is known from before, or from another node.
func (b *burials) unheard(list []replica.Obituary) (fresh []replica.Obituary) {
	for _, o := range list {
		if _, known := b.heard[o.Session]; !known {
			b.heard[o.Session] = time.Now()
			fresh = append(fresh, o)
		}
	}
	return fresh
}

func (b *burials) forget() {
	for session, at := range b.heard {
		if time.Since(at) > heardTime {
			delete(b.heard, session)
		}
	}
}
