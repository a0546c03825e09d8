package local_test

import (
	"context"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// session is a session in the memory of an instance, with what requests do there.
type session struct {
	*local.Session
	at *instance
}

// in returns the session of that instance, nil if s is nil.
func (a *instance) in(s *local.Session) *session {
	if s == nil {
		return nil
	}
	return &session{s, a}
}

// visit returns the session that one of the instance's methods has returned.
func (a *instance) visit(s *local.Session, err error) (*session, error) { return a.in(s), err }

func (a *instance) Get(token string) *session { return a.in(a.Store.Get(token)) }

func (a *instance) Create(ctx context.Context, token, node string, first *record.Record) (*session, error) {
	return a.visit(a.Store.Create(ctx, token, node, first))
}

func (a *instance) Load(ctx context.Context, token, node string) (*session, error) {
	return a.visit(a.Store.Load(ctx, token, node))
}

func (a *instance) TakeOver(ctx context.Context, token, node, route string) (*session, error) {
	return a.visit(a.Store.TakeOver(ctx, token, node, route))
}

func (a *instance) Confirm(ctx context.Context, s *session) (*session, error) {
	return a.visit(a.Store.Confirm(ctx, s.Session))
}

func (s *session) View() (rec *record.Record, node string) { return s.at.Rehome(s.Session) }
func (s *session) Use(now time.Time)                       { s.at.Use(s.Session, now) }
func (s *session) Doubtful(now time.Time) bool             { return s.at.Doubtful(s.Session, now) }
func (s *session) Destroy(ctx context.Context) error       { return s.at.Destroy(ctx, s.Session) }

func (s *session) Renew(ctx context.Context, r local.Renewal) (*session, error) {
	return s.at.visit(s.at.Store.Renew(ctx, s.Session, r))
}

func (s *session) Commit(ctx context.Context, base, work *record.Record, redo replica.Change) (*record.Record, error) {
	return s.at.Store.Commit(ctx, s.Session, base, work, redo)
}

func (s *session) CommitNow(ctx context.Context, base, work *record.Record, redo replica.Change) (*record.Record, error) {
	return s.at.Store.CommitNow(ctx, s.Session, base, work, redo)
}
