package replica

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/sid"
)

// Obituary tells the other instances that a session was destroyed by one that could not reach every node. On a node that
// they can reach, an old cookie would still find a copy of its node's present epoch, see Bury; and so does the memory of a
// sticky instance that could not reach the others.
type Obituary struct {
	Session sid.Hash
	At      time.Time
}

// Short is the session's short name, see Access.Short.
func (s *Store) Short(o Obituary) uint64 { return short(o.Session.Key(s.KeyPrefix, sid.Record)) }

const obituarySize = len(sid.Hash{}) + 4

// ObituaryKey is under which key a node has the obituaries of the last seconds; see ParseObituaries.
func ObituaryKey(keyPrefix string) string { return keyPrefix + "ended" }

// announce leaves an obituary, if someone needs it, on the tombstone's home and on another node, so that it is not lost
// with one. What cannot be left is no loss: the tombstone is stored.
func (a *Access) announce(ctx context.Context) {
	hash, ours := sid.ParseKey(a.store.KeyPrefix, sid.Record, a.key)
	if !ours || a.reachesAll() {
		return
	}
	message := appendLeft(hash[:len(hash):len(hash)], a.store.Clock())
	var all sync.WaitGroup
	for _, at := range a.announceAt() {
		all.Go(func() {
			_ = a.store.leave(ctx, at, board{ObituaryKey(a.store.KeyPrefix), obituarySize}, message)
		})
	}
	all.Wait()
}

func (a *Access) reachesAll() bool {
	for _, m := range a.store.Cluster.Members() {
		if !a.usable(m.Node) {
			return false
		}
	}
	return true
}

func (a *Access) announceAt() []string {
	at := []string{a.node}
	for _, n := range a.store.Cluster.Ranking(a.key) {
		if len(at) < 2 && n.ID() != a.node && a.usable(n) {
			at = append(at, n.ID())
		}
	}
	return at
}

// ParseObituaries reads what is under ObituaryKey. It ignores a rest that is no obituary.
func ParseObituaries(value []byte) (list []Obituary) {
	for m := range slices.Chunk(value[:len(value)/obituarySize*obituarySize], obituarySize) {
		list = append(list, Obituary{Session: sid.Hash(m[:len(sid.Hash{})]), At: left(m)})
	}
	return list
}

// Bury writes the tombstone of a session that was destroyed over older copies. at is a node that has the tombstone.
func (s *Store) Bury(ctx context.Context, session sid.Hash, at string) error {
	a := s.OpenKey(session.Key(s.KeyPrefix, sid.Record), at)
	a.thorough = true
	f, err := a.look(ctx)
	if err == nil && f.rec.Tombstone {
		a.bury(ctx, f.rec)
	}
	return gone(err)
}

// bury writes the tombstone over what a session that has moved has left behind on nodes that hold none of its copies. By
// their epochs these would be believed as long as someone who worked around them could not replace that. It is no claim: the
// tombstone does not name these nodes.
func (a *Access) bury(ctx context.Context, dead *record.Record) {
	if dead.Term == 1 {
		return
	}
	var all sync.WaitGroup
	for _, m := range a.store.Cluster.Members() {
		if _, has := dead.Copy(m.Node.ID()); !has && a.usable(m.Node) {
			all.Go(func() { a.store.cover(ctx, m.Node, a.key, dead) })
		}
	}
	all.Wait()
}

// cover puts the tombstone in the place of an older copy, if the node has one. A node that does not answer is not available
// any more; see announce.
func (s *Store) cover(ctx context.Context, n *node.Node, key string, dead *record.Record) {
	for err := node.ErrConflict; errors.Is(err, node.ErrConflict); {
		var item node.Item
		if item, err = n.Get(ctx, key); err != nil {
			return
		}
		there, bad := record.Peek(item.Value)
		if bad != nil || there.Term > dead.Term || there == dead.Rank() {
			return
		}
		err = n.CompareAndSwap(ctx, key, node.Item{Value: dead.Append(nil), Flags: record.FormatVersion, Token: item.Token}, dead.TTL(s.Clock()))
	}
}

// gone takes a session that is gone for no error.
func gone(err error) error {
	if errors.Is(err, ErrNoSession) {
		return nil
	}
	return err
}
