package msm

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/replica"
)

// hearing does the work that follows each probe of a node. Messages of other instances (package mailbox) are applied to
// the nodes and to this instance's memory, and the node gets what it is owed: what was written without it (hinted
// handoff, see replica.Courier). It is safe for concurrent use.
type hearing struct {
	store   *replica.Store
	local   *local.Store // nil: not sticky
	log     *journal.Journal
	inbox   *mailbox.Inbox
	courier *replica.Courier
	names   *namesakes
	debts   *debts
	stop    context.CancelFunc
	done    sync.WaitGroup
}

func newHearing(store *replica.Store, log *journal.Journal) *hearing {
	h := &hearing{store: store, log: log, courier: replica.NewCourier(store), names: newNamesakes(store), debts: newDebts(store)}
	h.inbox = mailbox.NewInbox(h, time.Now)
	return h
}

// look takes what a probe has read from a node's mailboxes; the probe began at that time. It does not block: the node's
// prober calls it.
func (h *hearing) look(n *node.Node, mailboxes map[string]memcache.Item, began time.Time) {
	h.inbox.Probed(n, mailboxes, began)
	h.courier.Look(n)
	h.names.look(n)
}

// begin starts the work. It returns when the messages of the first probes are applied, so that an instance that has
// just started does not accept sessions that have ended (rule M12). It waits for mailbox.MaxDelay at most, within which
// every instance reads a message.
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
	case <-time.After(mailbox.MaxDelay):
	}
}

// close stops the work. What is left undone the other instances do, too.
func (h *hearing) close() {
	h.stop()
	h.done.Wait()
}

// Receive implements mailbox.Receiver. Sessions leave memory first, and then their copies on nodes are overwritten
// (rule M5).
func (h *hearing) Receive(ctx context.Context, at *node.Node, list []mailbox.Message) {
	var sessions []mailbox.Message
	for _, m := range list {
		switch m.Kind {
		case mailbox.Reaches:
			h.names.hear(ctx, m)
		case mailbox.Owes, mailbox.Paid:
			h.debts.hear(m)
		default:
			sessions = append(sessions, m)
		}
	}
	if h.local != nil && len(sessions) > 0 {
		h.local.Hear(ctx, sessions)
	}
	for _, m := range sessions {
		// Without a node there is nothing to do and nothing to log: the sender owes this to the nodes that it did not
		// reach, and tells the others so (see debts).
		if err := h.store.Hear(ctx, m, at.ID()); err != nil && ctx.Err() == nil && !errors.Is(err, replica.ErrUnavailable) {
			h.log.Event(ctx, slog.LevelWarn, "some copies of a destroyed session could not be overwritten", "", "error", err)
		}
	}
}

// CaughtUp implements mailbox.Receiver.
func (h *hearing) CaughtUp(at time.Time) {
	h.debts.heardAll(at)
	if h.local != nil {
		h.local.Heard(at)
	}
}

// forget drops what is remembered of nodes that have left the list.
func (h *hearing) forget(gone []*node.Node) {
	for _, n := range gone {
		h.inbox.Forget(n)
		h.store.Forget(n)
		h.names.forget(n)
	}
}

// leave leaves a message for all instances on the available ones of the nodes. It ignores failures.
func leave(ctx context.Context, store *replica.Store, on []*node.Node, m mailbox.Message) {
	for _, at := range on {
		if at.Available() {
			_ = mailbox.Post(ctx, at, mailbox.Key(store.KeyPrefix, ""), m)
		}
	}
}
