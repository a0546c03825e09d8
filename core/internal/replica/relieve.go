package replica

import (
	"context"

	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/record"
)

// relieve has the record name no instance that serves the session from its memory, for this one, which writes it, is not sticky.
// That one is told once it is stored. (While the mode is being changed there are instances of both kinds.)
func (a *Access) relieve(next *record.Record) {
	if a.store.Route != "" || next.Route == "" {
		return
	}
	a.former, next.Route = next.Route, ""
}

func (a *Access) tellFormer(ctx context.Context, stored *record.Record) {
	if a.former != "" && !stored.Tombstone {
		a.Tell(ctx, a.former, news.Message{Kind: news.Taken, Version: stored.Version})
	}
	a.former = ""
}
