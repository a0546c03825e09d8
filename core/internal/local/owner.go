package local

import (
	"cmp"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/sid"
)

// self is the route of this instance. It decides who serves a session, and what follows from that, by what ids, records
// and memory name. Nothing here asks a node or changes memory: hold.go and takeover.go look, and do what is decided here
// at a request, settle.go after a write, receive.go at a message.
type self string

// step is what has to be done before a request may use a session.
type step int

const (
	ready        step = iota // nothing: memory is the truth (rule L1)
	mustLoad                 // it is not in memory (rule L4)
	mustCompare              // the id names another node: if that one has something newer, take over (rule L2)
	mustConfirm              // another instance may have taken it over, unheard: take over if it has (rule L3)
	mustTakeOver             // the id names another instance (rule L4)
)

// step returns the next step of a request with that id. here: the session is in memory, and node is where memory has it.
// doubtful: see Store.doubtful.
func (me self) step(id sid.ID, here bool, node string, doubtful bool) step {
	switch {
	case id.Route != string(me):
		return mustTakeOver
	case !here:
		return mustLoad
	case node != id.Node:
		return mustCompare
	case doubtful:
		return mustConfirm
	}
	return ready
}

// serves reports whether the record names this instance. A record that names none is served by nobody.
func (me self) serves(rec *record.Record) bool { return rec.Route == string(me) }

// isOther reports whether the route is that of another instance. An empty one is nobody's.
func (me self) isOther(route string) bool { return route != "" && route != string(me) }

// stillServes reports whether found, which a look at a node has shown, is what this instance has stored: nobody has
// written the session since, and there is nothing to take over.
func (me self) stillServes(found, stored *record.Record) bool {
	return me.serves(found) && found.SameAs(stored)
}

// sign makes this instance the one that serves the session of a record that is about to be stored, and returns the
// route of the one before. A write that is no takeover leaves the session to the instance that the record names
// (rule L5).
func (me self) sign(rec *record.Record, takeover bool) (former string) {
	if rec.Route == "" || takeover {
		former, rec.Route = rec.Route, string(me)
	}
	return former
}

// owner is who serves a session that is in memory, as far as this instance knows.
type owner struct {
	elsewhere bool   // another instance serves it: it is removed, once all of it is stored
	previous  string // the route of the instance that it was taken over from; empty: none
}

// takenFrom records a takeover. former is the route in the stored record, named is the one in the client's id; they
// differ if the id is not the newest.
func (o *owner) takenFrom(former, named string) { o.previous = cmp.Or(former, named) }

// effect is what a message about a session in memory makes this instance do.
type effect int

const (
	ignored effect = iota // memory has what it is about
	reread                // another instance has changed the session; this one serves it, and reads the change
	letGo                 // another instance serves the session
	gone                  // the session has ended
)

// effectOf returns the effect of a message on a session that is stored in that version (rule M11).
func effectOf(m mailbox.Message, version uint64) effect {
	switch {
	case m.Ends():
		return gone
	case version >= m.Version:
		return ignored
	case m.Kind == mailbox.Changed:
		return reread
	}
	return letGo
}

// ended is the message to instances that may still have a session that has been destroyed.
var ended = mailbox.Message{Kind: mailbox.Ended}

// stronger reports whether m says as much as another message about the same session, or more.
func stronger(m, than mailbox.Message) bool {
	if x, y := m.Ends(), than.Ends(); x != y {
		return x
	}
	return m.Version >= than.Version
}
