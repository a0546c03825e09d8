package msm

import (
	"context"
	"time"

	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/sid"
)

// backend is where stored sessions are found and made: on their nodes (direct) or in the memory of the instance that
// serves them (sticky). Only New decides which. It is safe for concurrent use.
type backend interface {
	// find finds a session for a request of its visitor, who may have the session's lock. The handle may lie in room.
	find(ctx context.Context, id sid.ID, locked *lock.SessionLock, room *handles) (handle, *record.Record, error)
	// open is find for other callers, such as Manager.Open. The session stays with the instance that serves it, and this
	// is no use of it.
	open(ctx context.Context, id sid.ID, locked *lock.SessionLock, room *handles) (handle, *record.Record, error)
	// create stores the first record of a session that begins.
	create(ctx context.Context, id sid.ID, first *record.Record) (handle, *record.Record, error)
	// remains returns the handle of a session that cannot be read. It can only be destroyed.
	remains(id sid.ID) handle
	// peek returns a session's record and the node that it is read from. It neither takes the session over nor counts as
	// a use.
	peek(ctx context.Context, id sid.ID) (rec *record.Record, node string, err error)
	// endKey destroys a session of which the caller knows only the hash of its token, on its nodes, and tells the instance that
	// serves it. node is the id of the node that is asked first.
	endKey(ctx context.Context, session sid.Hash, node string) error
	// forget takes sessions that were destroyed so out of this instance's memory.
	forget(ctx context.Context, sessions []sid.Hash)
	// touch records that a session in memory was used, by a request that never looked at it. It returns false if the
	// session is not in memory.
	touch(id sid.ID) bool
}

// handle is one caller's way to a stored session. It is not safe for concurrent use.
type handle interface {
	// id returns the id that the client should have as things are (rule I2).
	id() sid.ID
	// moved reports whether the client has to be told the id although it is the same: this access claimed the primary anew,
	// and an older cookie may lead to a stale copy.
	moved() bool
	// commit stores the changes of a draft, and returns what is stored then.
	commit(ctx context.Context, d *draft) (*record.Record, error)
	// pop stores the removal of an attribute from the base of a draft, and returns what is stored then.
	pop(ctx context.Context, base *record.Record, p *popCall) (*record.Record, error)
	// destroy ends the session.
	destroy(ctx context.Context) error
	// renew ends the session, whose values go on under another id. If that fails the old session lives on, and the new one is
	// destroyed. The error is gone's already.
	renew(ctx context.Context, r renewal) (handle, *record.Record, error)
	// reload finds the session again, by find or by open.
	reload(ctx context.Context, open bool, room *handles) (handle, *record.Record, error)
	// used records that the session was used. rec says when the next use has to be stored.
	used(rec *record.Record)
	// cookieDue reports whether the client is to get its cookie again, after every. Of several callers one gets true.
	cookieDue(rec *record.Record, every time.Duration) bool
	// hold tells which lock the caller has.
	hold(locked *lock.SessionLock)
	// scheduleRepair has the session's copies repaired later, if one was found or left missing or stale.
	scheduleRepair()
}

// handles is memory for the handle that find returns, which saves an allocation. Only that of the manager's backend is in
// use, until the next find, open or reload. create and renew allocate theirs: the old session's handle is still needed.
type handles struct {
	stored stored
	served served
}

// renewal is what handle.renew needs.
type renewal struct {
	id    sid.ID // the new one
	draft        // of the old session
	login record.Login
}
