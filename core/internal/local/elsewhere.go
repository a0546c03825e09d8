package local

import (
	"context"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
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
	route := ""
	err := access.Destroy(ctx, func(last *record.Record) error {
		route = last.Route
		return nil
	})
	if err == nil {
		st.inform(token, access, route, ended)
	}
	return err
}

// inform passes m to the instance of that route, which serves the session, and to this instance, which may still have
// the session from an earlier time.
func (st *Store) inform(token string, access *replica.Access, route string, m mailbox.Message) {
	if s := st.Peek(token); s != nil {
		st.receive(s, m)
	}
	st.outbox.send(token, access.Home(), route, m)
}
