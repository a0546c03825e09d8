package peers

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/replica"
)

const (
	// owesAfter is how long an instance has owed a node something before it tells others. Short outages are over by
	// then.
	owesAfter = time.Second
	// owesEvery is how often an instance repeats what it owes.
	owesEvery = 20 * time.Second
	// owesLife is how long a debt counts after the last message about it. Messages stay readable for longer, see
	// mailbox.Retention.
	owesLife = 50 * time.Second
)

// debts tells other instances which nodes this instance owes writes, because it had to do without them (hinted handoff,
// see replica.Store.Debts), so that this is known even if the instance ends. It repeats the message as long as it owes
// something, and says in the end that the debt is paid. Messages lie in mailboxes on the nodes. Meanwhile the instances
// that reach such a node compare its copies with the others. If a debtor falls silent it has ended, and nobody knows
// what on the node is stale; then the node's epoch is replaced, by which all copies on it count as old. debts is safe
// for concurrent use.
type debts struct {
	store *replica.Store
	name  uint64 // this instance, in messages

	mu     sync.Mutex
	ours   []promise
	theirs map[mailbox.Debt]time.Time // when a message about the debt came last
	first  time.Time                  // when all messages were heard for the first time; zero: never
	heard  time.Time                  // until when all messages have been heard; zero: none was
}

// promise is a debt of this instance.
type promise struct {
	mailbox.Debt
	told bool      // others have been told
	next time.Time // when others are told, or told again
}

func newDebts(store *replica.Store) *debts {
	return &debts{store: store, name: store.Random.Of("debts").Uint64(), theirs: make(map[mailbox.Debt]time.Time)}
}

// run works until ctx ends, and then says for the last time what is owed.
func (d *debts) run(ctx context.Context) {
	again := time.NewTicker(owesAfter)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			d.say(context.WithoutCancel(ctx), d.due(true))
			return
		case <-again.C:
			d.say(context.WithoutCancel(ctx), d.due(false)) // Paid is said once
			d.collect()
		}
	}
}

// due returns the messages that are to be sent now (rule H9). If last is set there will be no others, so they name
// every debt.
func (d *debts) due(last bool) (list []mailbox.Message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, owed := time.Now(), d.store.Debts(d.name)
	for _, p := range d.ours {
		if p.told && !slices.Contains(owed, p.Debt) {
			list = append(list, p.Message(mailbox.Paid, now))
		}
	}
	d.ours = slices.DeleteFunc(d.ours, func(p promise) bool { return !slices.Contains(owed, p.Debt) })
	for _, debt := range owed {
		if !slices.ContainsFunc(d.ours, func(p promise) bool { return p.Debt == debt }) {
			d.ours = append(d.ours, promise{Debt: debt, next: now.Add(owesAfter / 2)}) // told at the next tick
		}
	}
	for i := range d.ours {
		if p := &d.ours[i]; last || now.After(p.next) {
			p.told, p.next = true, now.Add(owesEvery)
			list = append(list, p.Message(mailbox.Owes, now))
		}
	}
	return list
}

// say posts messages in the mailboxes of all available nodes. A message that gets to none is not kept: what is owed is
// said again.
func (d *debts) say(ctx context.Context, list []mailbox.Message) {
	for _, m := range list {
		leave(ctx, d.store, d.store.Cluster.Nodes(), m)
	}
}

// caughtUp notes that all messages have been heard that were in the mailboxes of a node at that time.
func (d *debts) caughtUp(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.first.IsZero() {
		d.first = at
	}
	if at.After(d.heard) {
		d.heard = at
	}
}

// hear notes what another instance owes a node, or has paid. A node that is back after a while still has old messages,
// about what was paid since: they do not count. For an instance that has just started they are all that is left of
// instances that have ended; but of one that names no epoch nobody knows whether it was dealt with.
func (d *debts) hear(m mailbox.Message) {
	debt := m.Debt()
	d.mu.Lock()
	defer d.mu.Unlock()
	started := d.first.IsZero() || time.Since(d.first) < mailbox.Retention
	if time.Since(m.At) > mailbox.Retention && (!started || debt.Epoch == 0) {
		return
	}
	switch {
	case debt.Debtor == d.name:
		return
	case m.Kind == mailbox.Paid:
		delete(d.theirs, debt)
	default:
		d.theirs[debt] = time.Now()
	}
	d.doubt(debt.Node)
}

// doubt tells the store for how long others may still owe the node something (rule N13). The caller holds mu.
func (d *debts) doubt(id mailbox.NodeHash) {
	life := time.Duration(0)
	for debt, heard := range d.theirs {
		if debt.Node == id {
			life = max(life, time.Until(heard)+owesLife+2*owesAfter)
		}
	}
	d.store.Doubt(id, life)
}

// collect ends the debts that nobody has repeated for owesLife, see replica.Store.Lost. A node that this instance has
// not reached yet may be back before the next tick: its copies are doubted until after that. While this instance has
// heard nothing it collects nothing: it may be the one that stood still.
func (d *debts) collect() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.heard) > 2*owesAfter {
		return
	}
	for debt, heard := range d.theirs {
		switch {
		case time.Since(heard) < owesLife:
		case d.store.Lost(debt):
			delete(d.theirs, debt)
			d.doubt(debt.Node)
		default:
			d.store.Doubt(debt.Node, 2*owesAfter)
		}
	}
}
