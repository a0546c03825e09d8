package replica

import (
	"context"
	"errors"
	"sync"

	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/pace"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/sid"
)

// Hear does what a message asks for whose sender could not do it everywhere: it writes the tombstone of a session over older
// copies, or ends the session. at is the node that the message was read on. Messages of other kinds are for those who
// hold the session in memory.
func (s *Store) Hear(ctx context.Context, m news.Message, at string) error {
	a := s.OpenKey(m.Session.Key(s.KeyPrefix, sid.Record), at)
	a.thorough = true
	switch m.Kind {
	case news.Ended:
		return a.end(ctx)
	case news.End:
		return gone(a.Destroy(ctx, nil))
	}
	return nil
}

func (a *Access) end(ctx context.Context) error {
	f, err := a.look(ctx)
	if err == nil && f.rec.Tombstone {
		a.bury(ctx, f.rec)
	}
	return gone(err)
}

// bury writes the tombstone over what a session that has moved has left behind on nodes that hold none of its copies. By
// their epochs these would be believed. It is no claim: the tombstone does not name these nodes.
func (a *Access) bury(ctx context.Context, dead *record.Record) {
	if dead.Term == 1 {
		return
	}
	var others []*node.Node
	for _, m := range a.store.Cluster.Members() {
		switch _, has := dead.Copy(m.Node.ID()); {
		case has:
		case !a.usable(m.Node):
			a.without(m.Node)
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
			a.without(n)
			a.fail(n.ID(), errs[i])
		}
	}
}

// cover puts the newest record, which does not name the node, in the place of an older copy, if the node has one. Where it is too
// large nothing is left.
func (s *Store) cover(ctx context.Context, n *node.Node, key string, newest *record.Record) error {
	return s.replace(ctx, n, key, newest, func(token uint64) error {
		item := node.Item{Value: newest.Append(nil), Flags: record.FormatVersion, Token: token}
		err := n.CompareAndSwap(ctx, key, item, newest.TTL(s.Clock()))
		if errors.Is(err, node.ErrTooLarge) {
			return remove(ctx, n, key, token)
		}
		return err
	})
}

// replace has something done to what a node has, as long as that is older than the newest record, or damaged where it lies.
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
		if err = do(item.Token); !errors.Is(err, node.ErrConflict) {
			return missed(err)
		}
	}
}

// coveredBy: what lies on a node may be replaced by a record. A tombstone beats attempts of its term, too.
func coveredBy(there record.Rank, newest *record.Record) bool {
	if newest.Tombstone {
		return there.Term <= newest.Term && there != newest.Rank()
	}
	return there.Before(newest.Rank())
}

// missed takes an absent copy for no error.
func missed(err error) error {
	if errors.Is(err, node.ErrMiss) {
		return nil
	}
	return err
}

// gone takes a session that is gone for no error.
func gone(err error) error {
	if errors.Is(err, ErrNoSession) {
		return nil
	}
	return err
}

// announce tells every instance that the session has ended, if one may still find it where this one did not get.
func (a *Access) announce(ctx context.Context, before, dead *record.Record) {
	strange := a.namesStrangers(before) || a.store.moved.has(a.key)
	if dead.Term > 1 || strange || !a.reachesAll() {
		a.Tell(ctx, "", news.Message{Kind: news.Ended})
	}
	if before.Route != "" && a.store.Route == "" {
		a.Tell(ctx, before.Route, news.Message{Kind: news.Ended})
	}
	if strange {
		_ = pace.Sleep(ctx, news.Hearing)
	}
}
