// Package peers is what the instances of an application tell each other, by way of the nodes (package mailbox): which
// sessions have ended or were taken over, what a node is owed, and which server is behind a node's id.
package peers

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/replica"
)

// Memory is the memory of a sticky instance, as far as messages concern it.
type Memory interface {
	// Receive applies messages about sessions to memory. It returns what is left to be done on the nodes; each part may
	// be tried again if it fails.
	Receive(list []mailbox.Message) []func(ctx context.Context) error
	// CaughtUp says that all messages were applied that were on the mailboxes of a node at that time.
	CaughtUp(at time.Time)
}

// Peers does the work that follows each probe of a node. Messages of other instances are applied to the nodes and to
// this instance's memory, and the node gets what it is owed: what was written without it (hinted handoff, see
// replica.Courier). It is safe for concurrent use.
type Peers struct {
	store   *replica.Store
	memory  Memory // nil: not sticky
	log     *journal.Journal
	inbox   *mailbox.Inbox
	courier *replica.Courier
	names   *namesakes
	debts   *debts
	backlog *backlog
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// New returns the Peers of an instance with that store. It does nothing before Begin.
func New(store *replica.Store, log *journal.Journal) *Peers {
	p := &Peers{store: store, log: log, courier: replica.NewCourier(store), names: newNamesakes(store), debts: newDebts(store), backlog: newBacklog(store)}
	p.inbox = mailbox.NewInbox(p, store.Mail, store.Route)
	p.inbox.OnRefused = p.refused
	return p
}

// Look takes what a probe has read from a node's mailboxes; the probe began at that time. It does not block: the node's
// prober calls it.
func (p *Peers) Look(n *node.Node, mailboxes map[string]memcache.Item, began time.Time) {
	p.inbox.Probed(n, mailboxes, began)
	p.courier.Look(n)
	p.names.look(n)
}

// Begin starts the work; memory is nil if the instance is not sticky. It returns when the messages of the first probes
// are applied, so that an instance that has just started does not accept sessions that have ended (rule M12). It waits
// for mailbox.MaxDelay at most, within which every instance reads a message.
func (p *Peers) Begin(memory Memory) {
	p.memory = memory
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	caughtUp := make(chan struct{})
	as := func(actor string) context.Context { return p.store.Random.As(ctx, actor) } // what happens at one moment has an order
	p.done.Go(func() {
		ctx := as("inbox")
		p.inbox.Read(ctx)
		p.finish(ctx)
		close(caughtUp)
		p.inbox.Run(ctx)
	})
	p.done.Go(func() { p.courier.Run(as("courier")) })
	p.done.Go(func() { p.names.run(as("namesakes")) })
	p.done.Go(func() { p.debts.run(as("debts")) })
	select {
	case <-caughtUp:
	case <-time.After(mailbox.MaxDelay):
	}
}

// Close stops the work. What is left undone the other instances do, too.
func (p *Peers) Close() {
	p.stop()
	p.done.Wait()
}

// finish waits until what the messages have asked for is done, but not longer than Begin waits.
func (p *Peers) finish(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, mailbox.MaxDelay)
	defer stop()
	p.backlog.finish(ctx)
}

// Receive implements mailbox.Receiver. Sessions leave memory first, and then their copies on nodes are overwritten (rule M5).
func (p *Peers) Receive(ctx context.Context, at *node.Node, list []mailbox.Message) {
	var sessions []mailbox.Message
	for _, m := range list {
		switch m.Kind {
		case mailbox.Reaches:
			p.names.hear(ctx, m)
		case mailbox.Owes, mailbox.Paid:
			p.debts.hear(m)
		default:
			sessions = append(sessions, m)
		}
	}
	var batch []task
	if p.memory != nil && len(sessions) > 0 {
		batch = p.memory.Receive(sessions)
	}
	for _, m := range sessions {
		if m.Ends() {
			batch = append(batch, func(ctx context.Context) error { return p.overwrite(ctx, at, m) })
		}
	}
	p.backlog.add(ctx, &p.done, batch)
}

// overwrite does what a message asks for with a session's copies. Without a node there is nothing to do and nothing to
// log: the sender owes this to the nodes that it did not reach, and tells the others so (see debts).
func (p *Peers) overwrite(ctx context.Context, at *node.Node, m mailbox.Message) error {
	ctx = p.store.Random.As(ctx, "copies of", string(m.Session[:]))
	p.store.Random.Pause(ctx) // several begin at the same moment, and draw from one source
	if err := p.store.Receive(ctx, m, at.ID()); err != nil && ctx.Err() == nil && !errors.Is(err, replica.ErrUnavailable) {
		p.log.Event(ctx, slog.LevelWarn, "some copies of a destroyed session could not be overwritten", "", "error", err)
	}
	return nil
}

// refused counts messages that no instance has written.
func (p *Peers) refused(n int) {
	p.store.ForgedMessages.Add(uint64(n))
	p.log.Event(context.Background(), slog.LevelWarn, "messages to this instance are refused: no instance with its keys has written them", "", "messages", n)
}

// CaughtUp implements mailbox.Receiver.
func (p *Peers) CaughtUp(at time.Time) {
	p.debts.caughtUp(at)
	if p.memory != nil {
		p.memory.CaughtUp(at)
	}
}

// Introduce tells the others about servers that have just come into use, and waits until they know.
func (p *Peers) Introduce(list []*node.Node) { p.names.introduce(list) }

// Forget drops what is remembered of nodes that have left the list.
func (p *Peers) Forget(gone []*node.Node) {
	for _, n := range gone {
		p.inbox.Forget(n)
		p.store.Forget(n)
		p.names.forget(n)
	}
}

// leave leaves a message for all instances on the available ones of the nodes. It ignores failures.
func leave(ctx context.Context, store *replica.Store, on []*node.Node, m mailbox.Message) {
	for _, at := range on {
		if at.Available() {
			_ = store.Mail.Post(ctx, at, "", m)
		}
	}
}
