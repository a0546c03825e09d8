package msm

import (
	"context"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/replica"
)

const (
	// owesEvery is how often an instance says that it owes a node something.
	owesEvery = 5 * time.Second
	// owesLife is how long that counts. A message stays on its board for as long as that at least, see news.Life.
	owesLife = 30 * time.Second
)

// debts see to it that what a node has missed is not forgotten with the instance that knows it: see replica.Store.Owed. That says
// to the others that it owes the node something, again and again, and in the end that it has paid. If it stops saying anything it
// has ended, and nobody knows any more what on the node is stale: so the node's epoch is replaced. debts is safe for concurrent use.
type debts struct {
	store *replica.Store
	name  uint64 // of this instance

	mu     sync.Mutex
	ours   map[*node.Node]news.Debt // that others were told of
	theirs map[news.Debt]time.Time  // when it was heard of last
}

func newDebts(store *replica.Store) *debts {
	return &debts{store: store, name: store.Random.Of("debts").Uint64(), ours: make(map[*node.Node]news.Debt), theirs: make(map[news.Debt]time.Time)}
}

// run works until ctx ends. Then it says for the last time what is owed.
func (d *debts) run(ctx context.Context) {
	again := time.NewTicker(owesEvery)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			d.say(context.WithoutCancel(ctx))
			return
		case <-again.C:
			d.say(ctx)
			d.collect()
		}
	}
}

// say tells on all boards what is owed, and what is no more.
func (d *debts) say(ctx context.Context) {
	members := nodesOf(d.store.Cluster.Members())
	for _, n := range members {
		d.mu.Lock()
		debt, said := d.ours[n]
		switch owes := d.store.CountOwed(n) > 0; {
		case owes:
			debt = news.Debt{Debtor: d.name, Node: news.NameOf(n.ID()), Epoch: n.Epoch()}
			d.ours[n] = debt
			d.mu.Unlock()
			d.leave(ctx, members, debt.Message(news.Owes, time.Now()))
		case said:
			delete(d.ours, n)
			d.mu.Unlock()
			d.leave(ctx, members, debt.Message(news.Paid, time.Now()))
		default:
			d.mu.Unlock()
		}
	}
}

func (d *debts) leave(ctx context.Context, on []*node.Node, m news.Message) {
	board := news.Board(d.store.KeyPrefix, "")
	for _, at := range on {
		if at.Available() {
			_ = news.Leave(ctx, at, board, m) // the next one says it again
		}
	}
}

// hear takes note of what another instance owes.
func (d *debts) hear(m news.Message) {
	debt := m.Debt()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case debt.Debtor == d.name:
	case m.Kind == news.Paid:
		delete(d.theirs, debt)
	default:
		d.theirs[debt] = time.Now()
	}
}

// collect gives up what nobody says any more that it owes it.
func (d *debts) collect() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for debt, heard := range d.theirs {
		if time.Since(heard) >= owesLife && d.store.Lost(debt) {
			delete(d.theirs, debt)
		}
	}
}
