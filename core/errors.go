package msm

import (
	"errors"
	"fmt"

	"github.com/gomsm/msm/core/internal/keyqueue"
	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/replica"
)

// Errors of sessions, stores and managers. They may come wrapped: test for them with errors.Is. StatusOf returns the
// HTTP status that fits an error.
var (
	// ErrUnavailable means that nodes do not answer, so that nobody can say what the session is, or it cannot be
	// stored. It never means "not logged in". Its text names these nodes, and why each did not help.
	ErrUnavailable = replica.ErrUnavailable
	// ErrConflict means that other requests kept changing the session until this one gave up; or that another request
	// changed an attribute which this one sets, and this one had the lock, or was expected by LockAuto to only read.
	// Nothing of the request was stored then. A write that took half a minute may end with it, too: then nobody knows
	// whether it was stored, and the text says so.
	ErrConflict = replica.ErrConflict
	// ErrTooLarge means that the encoded session exceeds Config.MaxSessionSize, or that fewer nodes than should hold a
	// copy take an item of its size (memcached -I). The stored session is unchanged.
	ErrTooLarge = replica.ErrTooLarge
	// ErrUnreadable means that the stored session has a format or a transcoder that this program does not know, or was
	// sealed with a key that it does not have. It is kept as it is, unless the request ends it by Destroy or Renew.
	ErrUnreadable = replica.ErrUnreadable
	// ErrLocked means that other requests of the session had its lock for longer than Config.LockWait.
	ErrLocked = lock.ErrLocked
	// ErrBusy means that 64 requests of the session already wait for its lock in this instance, or that 256 wait to write
	// it, or that this one has waited for that for 10 s, or for 40 times Config.OpTimeout if that is longer. It has stored
	// nothing.
	ErrBusy = keyqueue.ErrBusy
	// ErrFull means that a sticky instance holds as much in memory as Config.MaxLocalSessions and MaxLocalBytes allow,
	// and can drop nothing, because all of it waits to be stored; or that more sessions begin than the nodes can take.
	// Only a session that begins, or that grows, gets it.
	ErrFull = local.ErrFull
	// ErrNotFresh is the error of RequireFresh: the visitor's login is too long ago, or there was none. It is for the handler,
	// and refuses no request by itself.
	ErrNotFresh = errors.New("msm: the login is too long ago")
	// ErrTooManySessions means that the principal has as many sessions as Config.PrincipalLimit allows, and that
	// Config.PrincipalLimitRefuses another login.
	ErrTooManySessions = errors.New("msm: the principal has too many sessions")
	// ErrCommitted means that the response has begun, so that no cookie can be sent, or that the request is over.
	ErrCommitted = errors.New("msm: the response has begun")
	// ErrGone means that the session does not exist, or has ended: it expired, or another request destroyed it or gave
	// it a new id. What was changed since the last commit was not stored.
	ErrGone = errors.New("msm: the session has ended")
	// ErrInvalidID means that the text given to Manager.Open is no session id that this manager could have made: it is
	// cut short, signed with another key, or something else.
	ErrInvalidID = errors.New("msm: invalid session id: this manager cannot have made it")
	// ErrIgnored means that the request matches Config.Ignore and so has no session.
	ErrIgnored = errors.New("msm: the request is ignored by Config.Ignore and has no session")
	// ErrClosed means that the manager was closed.
	ErrClosed = errors.New("msm: the manager is closed")
)

// UnsavedError is returned by Manager.Close and ListenAndServe if a sticky instance could not store everything in time.
// It is returned as a pointer; find it with errors.As.
type UnsavedError struct {
	Sessions int // whose last changes no node has; they are lost when the process ends
}

// Error returns a text with the number of sessions.
func (e *UnsavedError) Error() string {
	return fmt.Sprintf("msm: %d sessions could not be stored in time", e.Sessions)
}

// AttributeError says what is wrong with one attribute: its name is empty or too long, the session has too many others,
// its value cannot be encoded, or what is stored does not decode into the type that was asked for. It is returned as a
// pointer; find it with errors.As.
type AttributeError struct {
	Name string // of the attribute
	Type string // the Go type; empty if the name is wrong
	Err  error  // what the transcoder returned, or what is wrong with the name
}

// Error returns a text with the attribute's name, its type and Err. A name of more than 64 bytes is cut.
func (e *AttributeError) Error() string {
	if e.Type == "" {
		return fmt.Sprintf("msm: attribute %q: %v", short(e.Name), e.Err)
	}
	return fmt.Sprintf("msm: attribute %q as %s: %v", short(e.Name), e.Type, e.Err)
}

// short cuts a name to 64 bytes: a visitor may have chosen it.
func short(name string) string {
	const most = 64
	if len(name) > most {
		return name[:most] + "…"
	}
	return name
}

// Unwrap returns Err.
func (e *AttributeError) Unwrap() error { return e.Err }

// unknownTranscoder returns the error of a session whose transcoder this program does not have.
func unknownTranscoder(name string) error {
	return fmt.Errorf("%w: its transcoder is %q; add it to Config.ReadTranscoders (MSM_READ_TRANSCODERS)", ErrUnreadable, name)
}

// gone turns replica.ErrNoSession into ErrGone.
func gone(err error) error {
	if errors.Is(err, replica.ErrNoSession) {
		return ErrGone
	}
	return err
}
