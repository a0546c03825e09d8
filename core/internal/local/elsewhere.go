package local

import (
	"context"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// Change changes a session that another instance serves, on its nodes. That instance goes on serving it, and is told
// (rule M10). Change returns the stored record, and the errors of replica.Access.Write or replica.ErrTooLarge.
func (st *Store) Change(ctx context.Context, token string, access *replica.Access, change replica.Change) (*record.Record, error) {
	rec, err := access.Write(ctx, func(rec *record.Record) error {
		if err := change(rec); err != nil {
			return err
		}
		rec.Attributes = st.withoutMemoryOnly(rec).Attributes
		_, err := st.check(rec)
		return err
	})
	if err == nil {
		st.inform(token, access, rec.Route, mailbox.Message{Kind: mailbox.Changed, Version: rec.Version})
	}
	return rec, err
}

// End destroys a session that another instance serves: on its nodes and, by a message, in the memory of that instance.
func (st *Store) End(ctx context.Context, token string, access *replica.Access) error {
	route, err := destroyed(ctx, access)
	if err == nil {
		st.inform(token, access, route, ended)
	}
	return err
}

// EndKey is End for a caller that knows only the hash of the session's token. The session stays in this instance's memory until
// ForgetKeys. node is the id of the node that is asked first.
func (st *Store) EndKey(ctx context.Context, session sid.Hash, node string) error {
	access := st.Replica.OpenKey(session.Key(st.Replica.KeyPrefix, sid.Record), node)
	route, err := destroyed(ctx, access)
	if err == nil && st.self.isOther(route) {
		st.outbox.queue(access, route, ended)
	}
	return err
}

// destroyed destroys a session, and returns the route of the instance that its record names.
func destroyed(ctx context.Context, access *replica.Access) (route string, err error) {
	err = access.Destroy(ctx, func(last *record.Record) error {
		route = last.Route
		return nil
	})
	return route, err
}

// ForgetKeys takes sessions that have ended out of this instance's memory.
func (st *Store) ForgetKeys(ctx context.Context, sessions []sid.Hash) {
	var list []mailbox.Message
	for _, s := range sessions {
		list = append(list, mailbox.Message{Kind: mailbox.Ended, Session: s})
	}
	for _, end := range st.Receive(list) {
		_ = end(ctx) // the nodes know: this finishes what was being written
	}
}

// inform passes m to the instance of that route, which serves the session, and to this instance, which may still have
// the session from an earlier time.
func (st *Store) inform(token string, access *replica.Access, route string, m mailbox.Message) {
	if s := st.Peek(token); s != nil {
		st.receive(s, m)
	}
	st.outbox.send(token, access.Home(), route, m)
}
