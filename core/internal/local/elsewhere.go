package local

import (
	"context"

	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// Change changes a session on its nodes that another instance serves, which goes on to do so and is told. It answers what a
// replica's Write does, or ErrTooLarge.
func (st *Store) Change(ctx context.Context, token string, access *replica.Access, change replica.Change) (*record.Record, error) {
	rec, err := access.Write(ctx, func(rec *record.Record) error {
		if err := change(rec); err != nil {
			return err
		}
		rec.Attributes = st.storable(rec).Attributes
		_, err := st.check(rec)
		return err
	})
	if err == nil {
		st.inform(token, access, rec.Route, news.Message{Kind: news.Changed, Version: rec.Version})
	}
	return rec, err
}

// End destroys a session on its nodes that another instance serves, and has that one do so in its memory.
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

// ended is told to who may still have a session that has been destroyed.
var ended = news.Message{Kind: news.Ended}

// inform tells who serves a session, of that route, what it has not seen, and this instance, which may have served it before.
func (st *Store) inform(token string, access *replica.Access, route string, m news.Message) {
	if s := st.Peek(token); s != nil {
		s.outdated(m)
	}
	if route != "" && route != st.Route {
		st.toPost(post{st.Replica.Open(token, access.Home()), route, m})
	}
}
