package local_test

import (
	"context"
	"testing"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/sid"
)

// TestAnEndCountsMost checks that an instance that hears several messages about one session at once ends the session
// itself if one of them is an end. The order does not matter, nor do the versions: the message of an end has none.
func TestAnEndCountsMost(t *testing.T) {
	for name, heard := range map[string][]mailbox.Kind{
		"it was taken over, and has ended":                 {mailbox.Taken, mailbox.Ended},
		"it has ended, and was taken over":                 {mailbox.Ended, mailbox.Taken},
		"it was changed, and has ended":                    {mailbox.Changed, mailbox.Ended},
		"it has ended, and was changed":                    {mailbox.Ended, mailbox.Changed},
		"it was taken over, and is to end":                 {mailbox.Taken, mailbox.End},
		"it is to end, and was taken over":                 {mailbox.End, mailbox.Taken},
		"it was changed, and is to end":                    {mailbox.Changed, mailbox.End},
		"it is to end, and was changed":                    {mailbox.End, mailbox.Changed},
		"it was changed, has ended, and was changed again": {mailbox.Changed, mailbox.Ended, mailbox.Changed},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 2, 1, func(w *world) {
				a := w.start(local.Config{Route: "a"})
				s := a.begin("t")
				settle()
				version := w.stored(nodeOf(s), "t").Version
				var list []mailbox.Message
				for _, kind := range heard {
					m := mailbox.Message{Kind: kind, Session: sid.HashOf("t")}
					if kind == mailbox.Taken || kind == mailbox.Changed {
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
