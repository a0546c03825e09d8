package msm_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestWhoseFaultAnErrorIs checks each error's status, page and counter.
func TestWhoseFaultAnErrorIs(t *testing.T) {
	t.Parallel()
	const ended, changed = "The session has ended meanwhile. Please try again.\n",
		"Another request has changed the session at the same time. Please try again.\n"
	for name, c := range map[string]struct {
		err    error
		status int
		page   string
		cause  string
	}{
		"nodes that do not answer":                             {msm.ErrUnavailable, 503, nodesPage, "unavailable"},
		"nodes that do not take what is held":                  {msm.ErrFull, 503, nodesPage, "full"},
		"a lock that another one has":                          {msm.ErrLocked, 503, nodesPage, "locked"},
		"a lock that many wait for":                            {msm.ErrBusy, 503, nodesPage, "busy"},
		"an instance that ends":                                {msm.ErrClosed, 503, nodesPage, "closed"},
		"a client that has gone":                               {context.Canceled, 503, nodesPage, "abandoned"},
		"a request whose time is up":                           {context.DeadlineExceeded, 503, nodesPage, "abandoned"},
		"others that were faster":                              {msm.ErrConflict, 409, changed, "conflict"},
		"a logout that was faster":                             {msm.ErrGone, 409, ended, "gone"},
		"a value":                                              {&msm.AttributeError{Name: "a", Type: "func()", Err: errors.New("x")}, 500, programPage, "attribute"},
		"a session that grew too much":                         {msm.ErrTooLarge, 500, programPage, "tooLarge"},
		"a session that cannot be read":                        {msm.ErrUnreadable, 500, programPage, "unreadable"},
		"a change on an ignored path":                          {msm.ErrIgnored, 500, programPage, "misuse"},
		"a session that begins too late":                       {msm.ErrCommitted, 500, programPage, "misuse"},
		"what nobody knows":                                    {errors.New("x"), 500, programPage, "misuse"},
		"a fault of the program, which nodes did not let undo": {errors.Join(msm.ErrUnavailable, msm.ErrTooLarge), 500, programPage, "tooLarge"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, msm.Config{})
			w := httptest.NewRecorder()
			err := fmt.Errorf("why: %w", c.err)
			m.Fail(w, httptest.NewRequest("GET", "/", nil), err)
			wantPage(t, w.Result(), c.status, c.page)
			wantRefused(t, m, map[string]uint64{c.cause: 1})
			if got := msm.StatusOf(err); got != c.status {
				t.Errorf("StatusOf: %d; want %d", got, c.status)
			}
		})
	}
}

func TestEverySentinelSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"ErrUnavailable": msm.ErrUnavailable, "ErrConflict": msm.ErrConflict, "ErrTooLarge": msm.ErrTooLarge, "ErrUnreadable": msm.ErrUnreadable,
		"ErrLocked": msm.ErrLocked, "ErrBusy": msm.ErrBusy, "ErrFull": msm.ErrFull, "ErrCommitted": msm.ErrCommitted, "ErrGone": msm.ErrGone,
		"ErrIgnored": msm.ErrIgnored, "ErrClosed": msm.ErrClosed, "UnsavedError": &msm.UnsavedError{}, "AttributeError": &msm.AttributeError{},
	} {
		if !strings.HasPrefix(err.Error(), "msm: ") {
			t.Errorf("%s: %q", name, err)
		}
	}
}
