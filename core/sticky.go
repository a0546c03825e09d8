package msm

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// closePatience is how long Close goes on when nothing can be stored: less than the 10 s that a container has to end,
// and longer than may pass between two probes of a node that is away, about a second.
const closePatience = 7 * time.Second

func newLocal(store *replica.Store, c *Config, log *journal.Journal) *local.Store {
	held := local.Config{
		Replica: store, Route: c.Route, MaxSessions: c.MaxLocalSessions, MaxBytes: c.MaxLocalBytes, MaxSize: c.MaxSessionSize,
		Sync: c.BackupSync, RefillRate: c.RefillRate, Patience: max(closePatience, 10*c.OpTimeout), Log: log,
	}
	if c.AttributeFilter != nil {
		held.MemoryOnly = c.AttributeFilter.MatchString
	}
	return local.New(held)
}

// hold returns the session in memory, where local.Store.Hold brings it if it is not there.
func (m *Manager) hold(ctx context.Context, id sid.ID) (*local.Session, error) {
	if held := m.local.Ready(id); held != nil {
		return held, nil
	}
	if _, _, err := m.turns.Acquire(ctx, id.Token); err != nil { // so that parallel requests load it once
		return nil, err
	}
	defer m.turns.Release(id.Token, nil)
	return m.local.Hold(ctx, id)
}

func (s *Session) findLocal(ctx context.Context, id sid.ID) error {
	held, err := s.manager.hold(ctx, id)
	if err != nil {
		return err
	}
	rec, node := s.manager.local.Rehome(held)
	s.held, s.base, s.id = held, rec, sid.ID{Token: id.Token, Node: node, Route: s.manager.config.Route}
	return nil
}

// inMemory calls do with the session in memory. If that leaves memory at this moment, it is loaded again.
func (s *Session) inMemory(ctx context.Context, held *local.Session, id sid.ID, do func(*local.Session) error) error {
	for {
		err := do(held)
		if !errors.Is(err, local.ErrRemoved) {
			return err
		}
		s.manager.store.Random.Pause(ctx) // others that waited for the same turn find it gone at the same moment
		if held, err = s.manager.hold(ctx, id); err != nil {
			return err
		}
	}
}

// commitLocal stores changes, which redo can make again to a newer record. call says that they call functions of the
// application, and so have to be stored by this request.
func (s *Session) commitLocal(ctx context.Context, work *record.Record, redo replica.Change, call bool) (stored *record.Record, err error) {
	commit := (*local.Store).Commit
	if call {
		commit = (*local.Store).CommitNow
	}
	for {
		stored, err = commit(s.manager.local, ctx, s.held, s.base, work, redo)
		if !errors.Is(err, local.ErrRemoved) {
			return stored, err
		}
		s.manager.store.Random.Pause(ctx) // as in inMemory
		if s.held, err = s.manager.hold(ctx, s.id); err != nil {
			return nil, err
		}
	}
}

func (s *Session) createLocal(ctx context.Context) (*record.Record, error) {
	held, err := s.manager.local.Create(ctx, s.id.Token, s.id.Node, s.work)
	if err != nil {
		return nil, err
	}
	s.held = held
	return s.work, nil
}

func (s *Session) destroyLocal(ctx context.Context) error {
	return s.inMemory(ctx, s.ended.held, s.ended.id, func(held *local.Session) error { return s.manager.local.Destroy(ctx, held) })
}

func (s *Session) renewLocal(ctx context.Context) error {
	err := s.inMemory(ctx, s.ended.held, s.ended.id, func(held *local.Session) (err error) {
		s.held, err = s.manager.local.Renew(ctx, held, local.Renewal{
			Token: s.id.Token, Node: s.id.Node, Base: s.ended.base, Work: s.work, Redo: s.list.replay,
			Successor: s.manager.successor,
		})
		return err
	})
	if errors.Is(err, replica.ErrRenewed) { // by another login
		s.ended, s.work = nil, s.manager.successor(s.work)
		return s.commitNew(ctx)
	}
	if err != nil {
		return gone(err)
	}
	rec, _ := s.held.View()
	s.ended = nil
	return s.stored(rec, nil)
}

// usedLocal records that a request used a session that its handler never looked at. It is false if the session is not
// in memory here.
func (m *Manager) usedLocal(id sid.ID) bool {
	return m.local != nil && id.Route == m.config.Route && m.local.Get(id.Token) != nil
}
