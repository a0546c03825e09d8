package replica

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/pace"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/sid"
)

// Hear does what a message about a session asks for, because its sender could not do it everywhere: mailbox.Ended has the
// session's tombstone written over older copies, mailbox.End ends the session. Other kinds concern only instances that
// hold the session in memory. at is the id of the node on which the message was read. A session that is gone is no
// error.
func (s *Store) Hear(ctx context.Context, m mailbox.Message, at string) error {
	a := s.OpenKey(m.Session.Key(s.KeyPrefix, sid.Record), at)
	a.thorough = true
	switch m.Kind {
	case mailbox.Ended:
		return a.end(ctx)
	case mailbox.End:
		return gone(a.Destroy(ctx, nil))
	}
	return nil
}

// end writes the session's tombstone, if there is one, over older copies.
func (a *Access) end(ctx context.Context) error {
	f, err := a.look(ctx)
	if err == nil && f.rec.Tombstone {
		a.bury(ctx, f.rec)
	}
	return gone(err)
}

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
			a.fail(n.ID(), errs[i])
		}
	}
}

// cover writes the newest record, which does not name the node, over an older copy, if the node has one. If the record
// is too large for the node, the copy is removed instead.
func (s *Store) cover(ctx context.Context, n *node.Node, key string, newest *record.Record) error {
	return s.replace(ctx, n, key, newest, func(token uint64) error {
		item := memcache.Item{Value: newest.Append(nil), Flags: record.FormatVersion, Token: token}
		err := n.CompareAndSwap(ctx, key, item, newest.TTL(s.Clock()))
		if errors.Is(err, memcache.ErrTooLarge) {
			return remove(ctx, n, key, token)
		}
		return err
	})
}

// replace calls do with the compare-and-swap token of what a node has, as long as that is older than the newest record,
// or damaged where it lies. It tries again after each conflict. It leaves a record of an unknown format alone, and an
// absent copy is no error.
func (s *Store) replace(ctx context.Context, n *node.Node, key string, newest *record.Record, do func(token uint64) error) error {
	for {
		item, there, err := peek(ctx, n, key)
		switch {
		case errors.Is(err, record.ErrFormat):
			return nil
		case err != nil:
			return missed(err)
		case !coveredBy(there, newest):
			return nil
		}
		if err = do(item.Token); !errors.Is(err, memcache.ErrConflict) {
			return missed(err)
		}
	}
}

// coveredBy reports whether a copy of that rank may be replaced by the newest record. A tombstone also replaces
// attempts of its own term, whatever their version.
func coveredBy(there record.Rank, newest *record.Record) bool {
	if newest.Tombstone {
		return there.Term <= newest.Term && there != newest.Rank()
	}
	return there.Before(newest.Rank())
}

// missed returns nil for an absent copy, and every other error as it is.
func missed(err error) error {
	if errors.Is(err, memcache.ErrMiss) {
		return nil
	}
	return err
}

// gone returns nil for a session that is gone, and every other error as it is.
func gone(err error) error {
	if errors.Is(err, ErrNoSession) {
		return nil
	}
	return err
}

// announce tells other instances that the session has ended, if one of them may still find it where this one did not
// get, or serves it from memory (rule M6). If that may be on a node that is not in the list here, announce waits until
// all instances have had time to hear of it.
func (a *Access) announce(ctx context.Context, before, dead *record.Record, servers []string) {
	strange := a.namesStrangers(before) || a.store.moved.has(a.key)
	if dead.Term > 1 || strange || !a.reachesAll() {
		a.Tell(ctx, "", mailbox.Message{Kind: mailbox.Ended})
	}
	if a.store.Route == "" {
		slices.Sort(servers)
		for _, route := range slices.Compact(servers) {
			a.Tell(ctx, route, mailbox.Message{Kind: mailbox.Ended})
		}
	}
	if strange {
		_ = pace.Sleep(ctx, mailbox.MaxDelay)
	}
}

// routes returns the routes of the instances that may serve a session which is to end: that which its record names, and
// those of older copies. A write that came to nothing may have taken the route out, and told nobody.
func (a *Access) routes(rec *record.Record) (list []string) {
	for _, rec := range append(a.seen.records(), rec) {
		if rec.Route != "" {
			list = append(list, rec.Route)
		}
	}
	return list
}
