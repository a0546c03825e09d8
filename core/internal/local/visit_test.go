package local_test

import (
	"context"
	"errors"
	"strconv"
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

func (s *session) Rehome() (rec *record.Record, node string) { return s.at.Rehome(s.Session) }

func (s *session) Use(now time.Time) { s.at.Use(s.Session, now) }

func (s *session) Doubtful(now time.Time) bool { return s.at.Doubtful(s.Session, now) }

func (s *session) Destroy(ctx context.Context) error { return s.at.Destroy(ctx, s.Session) }

func (s *session) Renew(ctx context.Context, r local.Renewal) (*session, error) {
	return s.at.visit(s.at.Renew(ctx, s.Session, r))
}

func (s *session) Commit(ctx context.Context, base, work *record.Record, redo replica.Change) (*record.Record, error) {
	return s.at.Commit(ctx, s.Session, base, work, redo)
}

func (s *session) CommitNow(ctx context.Context, base, work *record.Record, redo replica.Change) (*record.Record, error) {
	return s.at.CommitNow(ctx, s.Session, base, work, redo)
}

// begin creates a session whose attribute n is 1.
func (a *instance) begin(token string) *session {
	a.w.t.Helper()
	s, err := a.create(token)
	if err != nil {
		a.w.t.Fatal(err)
	}
	return s
}

func (a *instance) create(token string) (*session, error) {
	now := time.Now()
	rec := &record.Record{Created: now, LastAccess: now, IdleTimeout: idle, Transcoder: "text"}
	rec.Set("n", []byte("1"))
	return a.Create(context.Background(), token, a.replica.FirstNode(token), rec)
}

// get finds a session, as a request does whose cookie has this instance's route.
func (a *instance) get(token, node string) (*session, error) {
	if s := a.Get(token); s != nil {
		return s, nil
	}
	return a.Load(context.Background(), token, node)
}

func (a *instance) takeOver(token, node string) *session {
	a.w.t.Helper()
	s, err := a.TakeOver(context.Background(), token, node, "")
	if err != nil {
		a.w.t.Fatal("takeover: ", err)
	}
	return s
}

// plus returns the change that adds to a number.
func plus(name string, by int) replica.Change {
	return func(rec *record.Record) error {
		value, _ := rec.Get(name)
		n, _ := strconv.Atoi(string(value))
		rec.Set(name, []byte(strconv.Itoa(n+by)))
		return nil
	}
}

func put(name, value string) replica.Change {
	return func(rec *record.Record) error {
		rec.Set(name, []byte(value))
		return nil
	}
}

// change is a request that changes the session.
func change(s *session, c replica.Change) error {
	return changeBy((*session).Commit, s, c)
}

type commit func(s *session, ctx context.Context, base, work *record.Record, redo replica.Change) (*record.Record, error)

func changeBy(commit commit, s *session, c replica.Change) error {
	base, _ := s.Rehome()
	work := base.Draft()
	if err := c(work); err != nil {
		return err
	}
	_, err := commit(s, context.Background(), base, work, c)
	return err
}

// change is a request that loads the session again if it has left meanwhile.
func (a *instance) change(s *session, token string, c replica.Change) {
	err := change(s, c)
	for errors.Is(err, local.ErrRemoved) {
		if s, err = a.get(token, nodeOf(s)); err == nil {
			err = change(s, c)
		}
	}
	if err != nil {
		a.w.t.Error(err)
	}
}

func (a *instance) must(err error) {
	a.w.t.Helper()
	if err != nil {
		a.w.t.Fatal(err)
	}
}

func value(s *session, name string) string {
	rec, _ := s.Rehome()
	v, _ := rec.Get(name)
	return string(v)
}

func nodeOf(s *session) string {
	_, id := s.Rehome()
	return id
}
