package msm

import (
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/recent"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// MSM's numbers (memcached-session-manager, the Java project), except storedTime.
const (
	absentLimit = 2000                   // sessions that are known to be gone
	absentTime  = 500 * time.Millisecond // how long a session counts as gone
	storedTime  = 200 * time.Millisecond // others store a new session within 100 ms; as long again for slow nodes
)

// absences are sessions that were looked for in vain a moment ago, so that requests with their ids need not all ask the
// nodes (negative cache). It is safe for concurrent use.
//
// A page sends several requests at once. Those that are under way during a login come with the id that it ends, and find
// no session. If one of them began a session of its own, whose cookie might arrive last, its visitor would be logged out
// again. So absences also tell a session that was renewed from one that is gone.
type absences struct {
	route   string        // of this instance
	gone    *recent.Times // until when a session counts as gone
	awaited *recent.Times // until when another instance may still store a session that was not found
	renewed *recent.Times // until when a session that is gone is known to have another id
}

func newAbsences(route string) *absences {
	const limit = absentLimit / 2
	return &absences{route, recent.NewTimes(limit), recent.NewTimes(limit), recent.NewTimes(limit)}
}

// has reports whether the session is known to be gone.
func (a *absences) has(token string) bool { return a.gone.Ahead(token) }

// missed remembers that the session does not exist. If the id names another instance the session may have begun there a
// moment ago and not be stored yet: then it is looked for again until it must have been stored (rule C23).
func (a *absences) missed(id sid.ID) {
	now := time.Now()
	if id.Route != "" && id.Route != a.route {
		switch until := a.awaited.Of(id.Token); {
		case until.IsZero():
			a.awaited.Put(id.Token, now.Add(storedTime))
			return
		case now.Before(until):
			return
		}
	}
	a.ended(id.Token, false)
}

// ended remembers that the session has ended. renewed: it goes on under another id.
func (a *absences) ended(token string, renewed bool) {
	until := time.Now().Add(absentTime)
	a.gone.Put(token, until)
	if renewed {
		a.renewed.Put(token, until)
	}
}

// isLate reports whether a session that was not found got another id a moment ago, by Renew. gone is the error of the
// search.
func (a *absences) isLate(token string, gone error) bool {
	if errors.Is(gone, replica.ErrRenewed) {
		a.renewed.Put(token, time.Now().Add(absentTime)) // as long as the nodes are not asked again
		return true
	}
	return a.wasRenewed(token)
}

// wasRenewed reports whether the session is known to have another id.
func (a *absences) wasRenewed(token string) bool { return a.renewed.Ahead(token) }
