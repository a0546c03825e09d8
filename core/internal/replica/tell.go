package replica

import (
	"context"
	"sync"

	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/pace"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/sid"
)

// Tell leaves a message about the session for the instance of that route, or with no route for all, on the session's node
// and on another one, so that it is not lost with one. What cannot be left is no loss: versions keep writes safe without it.
func (a *Access) Tell(ctx context.Context, route string, m news.Message) {
	session, ours := sid.ParseKey(a.store.KeyPrefix, sid.Record, a.key)
	if !ours {
		return
	}
	m.Session, m.At = session, a.store.Clock()
	var all sync.WaitGroup
	for _, n := range a.tellAt() {
		all.Go(func() {
			if err := news.Leave(ctx, n, news.Board(a.store.KeyPrefix, route), m); node.OutOfTime(err) {
				a.before.add(n)
			}
		})
	}
	all.Wait()
}

func (a *Access) tellAt() (at []*node.Node) {
	if home, known := a.store.Cluster.Node(a.node); known && a.usable(home) {
		at = append(at, home)
	}
	for _, n := range a.store.Cluster.Ranking(a.key) {
		if len(at) < 2 && n.ID() != a.node && a.usable(n) {
			at = append(at, n)
		}
	}
	return at
}

func (a *Access) reachesAll() bool {
	for _, m := range a.store.Cluster.Members() {
		if !a.usable(m.Node) {
			return false
		}
	}
	return true
}

// namesStrangers: the record, or the client's id, names a node that is not in this instance's list. It may be in those of
// others, while the list is being changed.
func (a *Access) namesStrangers(rec *record.Record) bool {
	if _, known := a.store.Cluster.Node(a.asked); !known && a.asked != "" {
		return true
	}
	for _, c := range rec.Copies {
		if _, known := a.store.Cluster.Node(c.Node); !known {
			return true
		}
	}
	return false
}

// Mourn tells others that a session has ended which this instance has not found. Its id names a node that is not in the list
// here, and may be in theirs; or it names another instance, by its route, which may not have stored the session yet.
func (a *Access) Mourn(ctx context.Context, route string) {
	end := news.Message{Kind: news.End}
	switch {
	case a.namesStrangers(&record.Record{}):
		a.Tell(ctx, "", end)
		_ = pace.Sleep(ctx, news.Hearing)
	case route != "" && route != a.store.Route:
		a.Tell(ctx, route, end)
	}
}

// Short is a short name of the session, by which messages about it are matched.
func (a *Access) Short() uint64 { return short(a.key) }

// Short is the same of a session that a message is about.
func (s *Store) Short(session sid.Hash) uint64 { return short(session.Key(s.KeyPrefix, sid.Record)) }

// short is FNV-1a over a key, which is made of a SHA-256.
func short(key string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return h
}
