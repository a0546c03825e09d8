package msm

import (
	"errors"
	"fmt"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/replica"
)

// Errors that a caller may want to tell apart with errors.Is. An error handler sees them wrapped.
var (
	// ErrUnavailable: no node answered that could say what the session is. It never means "not logged in". Its text names
	// the nodes that were of no help, and why.
	ErrUnavailable = replica.ErrUnavailable
	// ErrConflict: other requests changed the session so often that this one's change found no gap; nothing of it
	// was stored.
	ErrConflict = replica.ErrConflict
	// ErrTooLarge: the session exceeds Config.MaxSessionSize, or what as many nodes take as are to have it (memcached -I); the
	// stored one is unchanged.
	ErrTooLarge = replica.ErrTooLarge
	// ErrUnreadable: the stored session is of a format or transcoder that this program does not know, or is damaged.
	// It is kept as it is, unless the request ends it by Destroy or Renew; of a newer format it is kept even then.
	ErrUnreadable = replica.ErrUnreadable
	// ErrLocked: other requests of the session had its lock for longer than Config.LockWait.
	ErrLocked = errors.New("msm: the session is locked by another request")
	// ErrBusy: 64 requests of the session wait for its lock in this instance already.
	ErrBusy = errors.New("msm: too many requests of this session are waiting")
	// ErrFull: a sticky instance's memory holds as much as Config.MaxLocalSessions and MaxLocalBytes allow, and all of it
	// waits to be stored.
	ErrFull = local.ErrFull
	// ErrCommitted: the response has begun, so a cookie can no longer be sent, or the request is over.
	ErrCommitted = errors.New("msm: the response has begun")
	// ErrGone: the session expired or was destroyed by another request while this one changed it; the change was
	// dropped.
	ErrGone = errors.New("msm: the session is gone")
	// ErrInvalidID: what Manager.Open was given is no session id of this manager: it is cut short, was signed with another
	// key, or is something else.
	ErrInvalidID = errors.New("msm: this is no session id that this manager could have made")
	// ErrIgnored: the request matches Config.Ignore and has no session.
	ErrIgnored = errors.New("msm: the request is ignored by Config.Ignore and has no session")
	// ErrClosed: the manager was closed.
	ErrClosed = errors.New("msm: the manager is closed")
)

// UnsavedError is what Manager.Close answers if not everything could be stored.
type UnsavedError struct {
	Sessions int // that have changes no node has; they are lost with the instance
}

// Error says how many sessions there are.
func (e *UnsavedError) Error() string {
	return fmt.Sprintf("msm: %d sessions could not be stored in time", e.Sessions)
}

// AttributeError is about one attribute: its name is not one, its value cannot be encoded, or what is stored does not decode
// into the type that was asked for.
type AttributeError struct {
	Name string // the attribute
	Type string // the Go type; empty if it is about the name
	Err  error  // what the transcoder said, or what is wrong with the name
}

// Error names the attribute and the type. Of a long name it has the beginning.
func (e *AttributeError) Error() string {
	if e.Type == "" {
		return fmt.Sprintf("msm: attribute %q: %v", short(e.Name), e.Err)
	}
	return fmt.Sprintf("msm: attribute %q as %s: %v", short(e.Name), e.Type, e.Err)
}

// short cuts a name that somebody else may have chosen.
func short(name string) string {
	const most = 64
	if len(name) > most {
		return name[:most] + "…"
	}
	return name
}

// Unwrap answers the transcoder's error.
func (e *AttributeError) Unwrap() error { return e.Err }
