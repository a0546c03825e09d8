package local

import (
	"testing"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/sid"
)

// TestStep checks what has to be done before a request may use a session (rules L1 to L4).
func TestStep(t *testing.T) {
	for name, c := range map[string]struct {
		id             sid.ID
		here, doubtful bool
		want           step
	}{
		"it is in memory":                       {sid.ID{Node: "n1", Route: "a"}, true, false, ready},
		"it is not in memory":                   {sid.ID{Node: "n1", Route: "a"}, false, false, mustLoad},
		"the id names another node":             {sid.ID{Node: "n2", Route: "a"}, true, false, mustCompare},
		"messages may have been missed":         {sid.ID{Node: "n1", Route: "a"}, true, true, mustConfirm},
		"another node, and missed messages":     {sid.ID{Node: "n2", Route: "a"}, true, true, mustCompare},
		"the id names another instance":         {sid.ID{Node: "n1", Route: "b"}, true, false, mustTakeOver},
		"another instance, and not in memory":   {sid.ID{Node: "n1", Route: "b"}, false, false, mustTakeOver},
		"the id names no instance":              {sid.ID{Node: "n1"}, true, false, mustTakeOver},
		"another instance, and missed messages": {sid.ID{Node: "n1", Route: "b"}, true, true, mustTakeOver},
	} {
		t.Run(name, func(t *testing.T) {
			if got := self("a").step(c.id, c.here, "n1", c.doubtful); got != c.want {
				t.Errorf("step %d; want %d", got, c.want)
			}
		})
	}
}

// TestSign checks whom a record names after a write (rule L5).
func TestSign(t *testing.T) {
	for name, c := range map[string]struct {
		route        string
		takeover     bool
		want, former string
	}{
		"a plain write, and the record names nobody":        {"", false, "a", ""},
		"a plain write, and the record names this instance": {"a", false, "a", ""},
		"a plain write, and the record names another":       {"b", false, "b", ""},
		"a takeover of what another instance serves":        {"b", true, "a", "b"},
		"a takeover, and the record names this instance":    {"a", true, "a", "a"},
		"a takeover of what nobody serves":                  {"", true, "a", ""},
	} {
		t.Run(name, func(t *testing.T) {
			rec := record.Record{Route: c.route}
			if former := self("a").sign(&rec, c.takeover); former != c.former || rec.Route != c.want {
				t.Errorf("%q after %q; want %q after %q", rec.Route, former, c.want, c.former)
			}
		})
	}
}

// TestEffectOf checks what messages do to a session that is stored in version 5 (rule M11).
func TestEffectOf(t *testing.T) {
	for name, c := range map[string]struct {
		m    mailbox.Message
		want effect
	}{
		"a change that memory has":   {mailbox.Message{Kind: mailbox.Changed, Version: 5}, ignored},
		"a change":                   {mailbox.Message{Kind: mailbox.Changed, Version: 6}, reread},
		"a takeover that memory has": {mailbox.Message{Kind: mailbox.Taken, Version: 5}, ignored},
		"a takeover":                 {mailbox.Message{Kind: mailbox.Taken, Version: 6}, letGo},
		"an end":                     {mailbox.Message{Kind: mailbox.Ended}, gone},
		"an end that is to come":     {mailbox.Message{Kind: mailbox.End}, gone},
	} {
		t.Run(name, func(t *testing.T) {
			if got := effectOf(c.m, 5); got != c.want {
				t.Errorf("effect %d; want %d", got, c.want)
			}
		})
	}
}
