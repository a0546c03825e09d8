package local

import (
	"context"
	"math"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

const (
	noticeEvery = 250 * time.Millisecond // as often as nodes are probed
	noticeQueue = 1024
	// lateWrites is how long after a takeover the former instance may still store what it had. That it did does not mean
	// that it has taken the session back: of that there would be a notice.
	lateWrites = 5 * time.Second
)

// post is a notice for another instance.
type post struct {
	node, route string
	replica.Notice
}

// tookOver tells the instance of that route, off the request's path, that its copy of the session is old.
func (st *Store) tookOver(s *Session, route string) {
	st.takeovers.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from, s.again = route, time.Now().Add(2*noticeEvery)
	if s.markDirty() {
		st.queue.at(s.again, s)
	}
	s.tell(s.since)
}

// tell posts a notice to the instance that had the session before. Guarded by mu.
func (s *Session) tell(version uint64) {
	if s.from == "" {
		return
	}
	select {
	case s.store.posts <- post{s.node, s.from, replica.Notice{Session: s.short.Load(), Version: version, At: time.Now()}}:
	default: // that one learns of it with its next write of the session
	}
}

// notify posts and reads notices until ctx ends.
func (st *Store) notify(ctx context.Context) {
	tick := time.NewTicker(noticeEvery)
	defer tick.Stop()
	read := make(map[string]uint64) // the token of what was read last, by node
	for {
		select { // what is due comes first, however many there are to post
		case <-tick.C:
			st.readAll(ctx, read)
			continue
		default:
		}
		select {
		case <-ctx.Done():
			return
		case p := <-st.posts:
			st.post(ctx, p)
		case <-tick.C:
			st.readAll(ctx, read)
		}
	}
}

func (st *Store) readAll(ctx context.Context, read map[string]uint64) {
	for _, m := range st.Replica.Cluster.Members() {
		st.readNotices(ctx, m.Node.ID(), read)
	}
}

// post leaves the notice on the session's node and on another one, so that it is not lost with one. What cannot be posted
// is no loss: see tookOver.
func (st *Store) post(ctx context.Context, p post) {
	_ = st.Replica.Post(ctx, p.node, p.route, p.Notice)
	for _, m := range st.Replica.Cluster.Members() {
		if id := m.Node.ID(); id != p.node && m.Node.Available() {
			_ = st.Replica.Post(ctx, id, p.route, p.Notice)
			return
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
	st.outdated(versions)
}

// Ended has sessions leave, given by replica.Access.Short, that another instance has destroyed.
func (st *Store) Ended(sessions []uint64) {
	versions := make(map[uint64]uint64, len(sessions))
	for _, short := range sessions {
		versions[short] = math.MaxUint64
	}
	st.outdated(versions)
}

func (st *Store) outdated(versions map[uint64]uint64) {
	for i := range st.shards {
		for _, s := range st.shards[i].list() {
			if version, told := versions[s.short.Load()]; told {
				s.outdated(version)
			}
		}
	}
}

// owned: the write of that version has made this instance the one that serves the session. Guarded by mu.
func (s *Session) owned(rec *record.Record) {
	s.since, s.taken, s.told = rec.Version, time.Now(), false
}

// outdated: another instance took the session over with that version. Unless this one has done so since, what is here and
// not stored is merged with what that one has, and then leaves.
func (s *Session) outdated(version uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since >= version {
		return
	}
	s.told = true
	sh := s.store.shard(s.token)
	sh.mu.Lock()
	gone := s.store.leaveIfClean(sh, s)
	sh.mu.Unlock()
	if !gone {
		s.store.queue.at(time.Now(), s)
	}
}
