package msm

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/replica"
)

// hearing does what is to be done after a look at a node: what another instance has told of sessions is to hold for this one's
// nodes and memory, see package news, and the node gets what it is owed, see replica.Courier. It is safe for concurrent use.
type hearing struct {
	store   *replica.Store
	local   *local.Store // nil: not sticky
	log     *journal.Journal
	inbox   *news.Inbox
	courier *replica.Courier
	names   *namesakes
	debts   *debts
	stop    context.CancelFunc
	done    sync.WaitGroup
}

func newHearing(store *replica.Store, log *journal.Journal) *hearing {
	h := &hearing{store: store, log: log, courier: replica.NewCourier(store), names: newNamesakes(store), debts: newDebts(store)}
	h.inbox = news.NewInbox(h, time.Now)
	return h
}

// look waits for nothing: a node's prober calls it.
func (h *hearing) look(n *node.Node, boards map[string]node.Item, began time.Time) {
	h.inbox.Look(n, boards, began)
	h.courier.Look(n)
	h.names.look(n)
}

// begin starts the work. What the first looks have brought is done when it returns, unless that takes longer than others may need to
// hear it: an instance that has just started is not to accept what has ended before.
func (h *hearing) begin() {
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	caughtUp := make(chan struct{})
	h.done.Go(func() {
		h.inbox.Read(ctx)
		close(caughtUp)
		h.inbox.Run(ctx)
	})
	h.done.Go(func() { h.courier.Run(ctx) })
	h.done.Go(func() { h.names.run(ctx) })
	h.done.Go(func() { h.debts.run(ctx) })
	select {
	case <-caughtUp:
	case <-time.After(news.Hearing):
	}
}

// close ends it. What is left to do others do, too.
func (h *hearing) close() {
	h.stop()
	h.done.Wait()
}

// Hear implements news.Reader: sessions leave memory first, and then what lies on nodes is overwritten.
func (h *hearing) Hear(ctx context.Context, at *node.Node, list []news.Message) {
	var sessions []news.Message
	for _, m := range list {
		switch m.Kind {
		case news.Reaches:
			h.names.hear(ctx, m)
		case news.Owes, news.Paid:
			h.debts.hear(m)
		default:
			sessions = append(sessions, m)
		}
	}
	if h.local != nil {
		h.local.Hear(ctx, sessions)
	}
	for _, m := range sessions {
		// With no node to ask nothing is to be done: who has told of it owes those that it did not reach, and says so, see debts.
		if err := h.store.Hear(ctx, m, at.ID()); err != nil && ctx.Err() == nil && !errors.Is(err, replica.ErrUnavailable) {
			h.log.Event(ctx, slog.LevelWarn, "the copies of a destroyed session are not all overwritten", "", "error", err)
		}
	}
}

// Heard implements news.Reader.
func (h *hearing) Heard(at time.Time) {
	if h.local != nil {
		h.local.Heard(at)
	}
}

// leave leaves a message for everyone on those of the nodes that are available.
func leave(ctx context.Context, store *replica.Store, on []*node.Node, m news.Message) {
	for _, at := range on {
		if at.Available() {
			_ = news.Leave(ctx, at, news.Board(store.KeyPrefix, ""), m)
		}
	}
}
