package replica

import (
	"context"
	"slices"
	"sync"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/pace"
	"github.com/gomsm/msm/core/internal/record"
)

// bury writes the tombstone over old copies that the session, when it moved, has left behind on nodes that the
// tombstone does not name (rule W22). By their epochs these copies would be believed. It is no claim, because the
// tombstone still does not name these nodes. A node that cannot be written to is owed the tombstone (see hints).
func (a *Access) bury(ctx context.Context, dead *record.Record) {
	if dead.Term == 1 {
		return
	}
	var others []*node.Node
	for _, m := range a.store.Cluster.Members() {
		switch _, has := dead.Copy(m.Node.ID()); {
		case has:
		case !a.usable(m.Node):
			a.owe(m.Node, dead)
		default:
			others = append(others, m.Node)
		}
	}
	errs := make([]error, len(others))
	var all sync.WaitGroup
	for i, n := range others {
		all.Go(func() { errs[i] = a.store.cover(ctx, n, a.key, dead) })
	}
	all.Wait()
	for i, n := range others {
		if errs[i] != nil {
			a.owe(n, dead)
			a.fail(n, errs[i])
		}
	}
}

// announce tells other instances that the session has ended, if one of them may still find it where this one did not
// get, or serves it from memory (rule M6). If that may be on a node that is not in the list here, announce waits until
// all instances have had time to hear of it.
func (a *Access) announce(ctx context.Context, before, dead *record.Record, servers []string) {
	strange := a.namesStrangers(before) || a.store.moved.has(a.key)
	if dead.Term > 1 || strange || !a.reachesAll() {
		a.tell(ctx, "", mailbox.Message{Kind: mailbox.Ended})
	}
	if a.store.Route == "" {
		slices.Sort(servers)
		for _, route := range slices.Compact(servers) {
			a.tell(ctx, route, mailbox.Message{Kind: mailbox.Ended})
		}
	}
	if strange {
		_ = pace.Sleep(ctx, mailbox.MaxDelay)
	}
}

// routes returns the routes of the instances that may serve a session which is to end: that which its record names, and
// those of older copies. A write that came to nothing may have taken the route out, and told nobody.
func (a *Access) routes(rec *record.Record) (list []string) {
	for _, rec := range append(a.looks.seen.Records(), rec) {
		if rec.Route != "" {
			list = append(list, rec.Route)
		}
	}
	return list
}
