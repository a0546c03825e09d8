package local

import (
	"context"
	"time"

	"github.com/gomsm/msm/core/internal/replica"
)

const (
	noticeEvery = 250 * time.Millisecond // as often as nodes are probed
	noticeQueue = 1024
)

// post is a notice for another instance.
type post struct {
	node, route string
	replica.Notice
}

// tookOver tells the instance of that route, off the request's path, that its copy of the session is old.
func (st *Store) tookOver(s *Session, route string) {
	st.takeovers.Add(1)
	if s.markDirty() { // to look once more when the other one has stored the last it had
		st.queue.at(time.Now().Add(2*noticeEvery), s)
	}
	s.mu.Lock()
	p := post{s.node, route, replica.Notice{Session: s.short.Load(), Version: s.stored.Version, At: time.Now()}}
	s.mu.Unlock()
	if route == "" {
		return
	}
	select {
	case st.posts <- p:
	default: // the other instance learns of it with its next write of the session
	}
}

// notify posts and reads notices until ctx ends.
func (st *Store) notify(ctx context.Context) {
	tick := time.NewTicker(noticeEvery)
	defer tick.Stop()
	read := make(map[string]uint64) // the token of what was read last, by node
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-st.posts:
			_ = st.Replica.Post(ctx, p.node, p.route, p.Notice) // see tookOver
		case <-tick.C:
			for _, m := range st.Replica.Cluster.Members() {
				st.readNotices(ctx, m.Node.ID(), read)
			}
		}
	}
}

func (st *Store) readNotices(ctx context.Context, node string, read map[string]uint64) {
	list, token, err := st.Replica.Notices(ctx, node, st.Route)
	if err != nil || token == read[node] {
		return
	}
	read[node] = token
	versions := make(map[uint64]uint64, len(list))
	for _, n := range list {
		versions[n.Session] = max(versions[n.Session], n.Version)
	}
	for i := range st.shards {
		for _, s := range st.shards[i].list() {
			if version, told := versions[s.short.Load()]; told {
				s.outdated(version)
			}
		}
	}
}

// outdated: another instance has stored that version. What is here and not stored is merged with it, and then leaves.
func (s *Session) outdated(version uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored.Version >= version {
		return
	}
	sh := s.store.shard(s.token)
	sh.mu.Lock()
	gone := s.store.leaveIfClean(sh, s)
	sh.mu.Unlock()
	if !gone {
		s.store.queue.at(time.Now(), s)
	}
}
