package local_test

import (
	"context"
	"testing"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/sid"
)

// TestAnEndCountsMost checks that an instance that hears several messages about one session at once ends the session
// itself if one of them is an end. The order does not matter, nor do the versions: the message of an end has none.
func TestAnEndCountsMost(t *testing.T) {
	for name, heard := range map[string][]news.Kind{
		"it was taken over, and has ended":                 {news.Taken, news.Ended},
		"it has ended, and was taken over":                 {news.Ended, news.Taken},
		"it was changed, and has ended":                    {news.Changed, news.Ended},
		"it has ended, and was changed":                    {news.Ended, news.Changed},
		"it was taken over, and is to end":                 {news.Taken, news.End},
		"it is to end, and was taken over":                 {news.End, news.Taken},
		"it was changed, and is to end":                    {news.Changed, news.End},
		"it is to end, and was changed":                    {news.End, news.Changed},
		"it was changed, has ended, and was changed again": {news.Changed, news.Ended, news.Changed},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 2, 1, func(w *world) {
				a := w.start(local.Config{Route: "a"})
				s := a.begin("t")
				settle()
				version := w.stored(nodeOf(s), "t").Version
				var list []news.Message
				for _, kind := range heard {
					m := news.Message{Kind: kind, Session: sid.HashOf("t")}
					if kind == news.Taken || kind == news.Changed {
						version++
						m.Version = version
					}
					list = append(list, m)
				}
				a.Store.Hear(context.Background(), list)
				if a.Get("t") != nil || len(w.holds("t")) > 0 {
					t.Errorf("it lives on, in memory: %v, on %v", a.Get("t") != nil, w.holds("t"))
				}
			})
		})
	}
}
