package msm

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/replica"
)

const (
	// owesAfter is how long an instance has owed a node something before it tells others. A blip is over by then.
	owesAfter = time.Second
	// owesEvery is how often it says so.
	owesEvery = 20 * time.Second
	// owesLife is how long that counts. A message stays on its board for as long as that at least, see news.Life.
	owesLife = 50 * time.Second
)

// debts see to it that others know that a node has missed something, and that it is not forgotten with the instance that knows what:
// see replica.Store.Debts. That says to the others that it owes the node something, again and again, and in the end that it has paid.
// Meanwhile those who reach the node compare what it has with the others' copies. If the debtor stops saying anything it has
// ended, and nobody knows any more what on the node is stale: so the node's epoch is replaced. debts is safe for concurrent use.
type debts struct {
	store *replica.Store
	name  uint64 // of this instance

	mu     sync.Mutex
	ours   []promise
	theirs map[news.Debt]time.Time // when it was heard of last
}

// promise is a debt of this instance.
type promise struct {
	news.Debt
	told bool
	next time.Time // when others are told of it, again
}

func newDebts(store *replica.Store) *debts {
	return &debts{store: store, name: store.Random.Of("debts").Uint64(), theirs: make(map[news.Debt]time.Time)}
}

// run works until ctx ends. Then it says for the last time what is owed.
func (d *debts) run(ctx context.Context) {
	again := time.NewTicker(owesAfter)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			d.say(context.WithoutCancel(ctx), d.due(true))
			return
		case <-again.C:
			d.say(ctx, d.due(false))
			d.collect()
		}
	}
}

// due are the messages that are to be left now; last: there will be no others.
func (d *debts) due(last bool) (list []news.Message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, owed := time.Now(), d.store.Debts(d.name)
	for _, p := range d.ours {
		if p.told && !slices.Contains(owed, p.Debt) {
			list = append(list, p.Message(news.Paid, now))
		}
	}
	d.ours = slices.DeleteFunc(d.ours, func(p promise) bool { return !slices.Contains(owed, p.Debt) })
	for _, debt := range owed {
		if !slices.ContainsFunc(d.ours, func(p promise) bool { return p.Debt == debt }) {
			d.ours = append(d.ours, promise{Debt: debt, next: now.Add(owesAfter / 2)}) // with the next tick
		}
	}
	for i := range d.ours {
		if p := &d.ours[i]; last || now.After(p.next) {
			p.told, p.next = true, now.Add(owesEvery)
			list = append(list, p.Message(news.Owes, now))
		}
	}
	return list
}

// say leaves messages on all boards. What cannot be left is said again.
func (d *debts) say(ctx context.Context, list []news.Message) {
	for _, m := range list {
		leave(ctx, d.store, nodesOf(d.store.Cluster.Members()), m)
	}
}

// hear takes note of what another instance owes.
func (d *debts) hear(m news.Message) {
	debt := m.Debt()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case debt.Debtor == d.name:
		return
	case m.Kind == news.Paid:
		delete(d.theirs, debt)
	default:
		d.theirs[debt] = time.Now()
	}
	d.doubt(debt.Node)
}

// doubt says of a node for how long others will have owed it something.
func (d *debts) doubt(id news.Name) {
	life := time.Duration(0)
	for debt, heard := range d.theirs {
		if debt.Node == id {
			life = max(life, time.Until(heard)+owesLife+2*owesAfter)
		}
	}
	d.store.Doubt(id, life)
}

// collect gives up what nobody says any more that it owes it. A node that this instance has not reached yet may be back before the next
// tick.
func (d *debts) collect() {
	d.mu.Lock()
	defer d.mu.Unlock()
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
