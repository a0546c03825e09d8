package msm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/transcoder"
)

const (
	programPage = "Something went wrong on our side.\n"
	nodesPage   = "Your session is not available at the moment. Please try again.\n"
)

// refused returns the counts of Stats.Refusals that are not zero.
func refused(m *msm.Manager) map[string]uint64 {
	text, err := json.Marshal(m.Stats().Refusals)
	if err != nil {
		panic(err)
	}
	all := map[string]uint64{}
	if err := json.Unmarshal(text, &all); err != nil {
		panic(err)
	}
	maps.DeleteFunc(all, func(_ string, n uint64) bool { return n == 0 })
	return all
}

func wantRefused(t *testing.T, m *msm.Manager, want map[string]uint64) {
	t.Helper()
	if got := refused(m); !maps.Equal(got, want) {
		t.Errorf("counted %v; want %v", got, want)
	}
}

// wantPage checks all of the response to a failure.
func wantPage(t *testing.T, resp *http.Response, status int, page string) {
	t.Helper()
	body, _ := io.ReadAll(resp.Body)
	again := resp.Header.Get("Retry-After")
	if resp.StatusCode != status || string(body) != page || (again == "1") != (status != 500) || len(resp.Cookies()) > 0 {
		t.Errorf("%d %q, Retry-After %q, cookies %v; want %d %q", resp.StatusCode, body, again, resp.Cookies(), status, page)
	}
}

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

// modes runs a test in the modes that answer a mistake of the program alike.
func modes(t *testing.T, test func(t *testing.T, config msm.Config)) {
	for name, config := range map[string]msm.Config{
		"non-sticky": {}, "sticky": {Sticky: true}, "sticky, synchronously": {Sticky: true, BackupSync: true},
	} {
		for _, coder := range []transcoder.Transcoder{transcoder.CBOR(), transcoder.JSON(), transcoder.Gob()} {
			config.Transcoder = coder
			t.Run(name+", "+coder.Name(), func(t *testing.T) { test(t, config) })
		}
	}
}

// TestAFaultOfTheProgramIs500 checks that the client is not told to try again.
func TestAFaultOfTheProgramIs500(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do    func(s *msm.Session)
		cause string
	}{
		"a value that cannot be encoded":      {func(s *msm.Session) { s.Set("f", func() {}) }, "attribute"},
		"an update to one":                    {func(s *msm.Session) { msm.Update(s, "f", func(func()) func() { return func() {} }) }, "attribute"},
		"an update of another type":           {func(s *msm.Session) { msm.Update(s, "a", func(n int) int { return n }) }, "attribute"},
		"an empty name":                       {func(s *msm.Session) { s.Set("", 1) }, "attribute"},
		"an empty name to update":             {func(s *msm.Session) { msm.Update(s, "", func(n int) int { return n }) }, "attribute"},
		"a name that is too long":             {func(s *msm.Session) { s.Set(strings.Repeat("n", 1<<16), 1) }, "attribute"},
		"no idle timeout":                     {func(s *msm.Session) { s.SetIdleTimeout(0) }, "misuse"},
		"an idle timeout that is too short":   {func(s *msm.Session) { s.SetIdleTimeout(time.Second - 1) }, "misuse"},
		"an idle timeout that is past":        {func(s *msm.Session) { s.SetIdleTimeout(math.MinInt64) }, "misuse"},
		"a cookie's life that is too short":   {func(s *msm.Session) { s.Persist(time.Millisecond) }, "misuse"},
		"a lock without Locking":              {func(s *msm.Session) { _ = s.Lock(context.Background()) }, "misuse"},
		"a session that grows too much":       {func(s *msm.Session) { s.Set("b", strings.Repeat("x", 5000)) }, "tooLarge"},
		"flashes that grow too much":          {func(s *msm.Session) { s.AddFlash(strings.Repeat("x", 5000)) }, "tooLarge"},
		"a new session that grows too much":   {func(s *msm.Session) { s.Destroy(); s.Set("b", strings.Repeat("x", 5000)) }, "tooLarge"},
		"a renewed one that grows too much":   {func(s *msm.Session) { _ = s.Renew(); s.Set("b", strings.Repeat("x", 5000)) }, "tooLarge"},
		"an update that makes it grow so":     {func(s *msm.Session) { msm.Update(s, "b", func(string) string { return strings.Repeat("x", 5000) }) }, "tooLarge"},
		"a value that cannot, by a typed key": {func(s *msm.Session) { msm.NewKey[any]("c").Set(s, make(chan int)) }, "attribute"},
	} {
		t.Run(name, func(t *testing.T) {
			modes(t, func(t *testing.T, config msm.Config) {
				config.MaxSessionSize = 4000
				m := newManager(t, config)
				id := begin(t, m, func(s *msm.Session) { s.Set("a", "old") })
				wantPage(t, visit(m, id, c.do), 500, programPage)
				wantRefused(t, m, map[string]uint64{c.cause: 1})
			})
		})
	}
}

// TestAChangeOnAnIgnoredPathIs500 checks that any change is, and that reading is not.
func TestAChangeOnAnIgnoredPathIs500(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do     func(s *msm.Session)
		status int
	}{
		"Set":            {func(s *msm.Session) { s.Set("a", 1) }, 500},
		"Update":         {func(s *msm.Session) { add(s) }, 500},
		"AddFlash":       {func(s *msm.Session) { s.AddFlash("x") }, 500},
		"Delete":         {func(s *msm.Session) { s.Delete("a") }, 500},
		"Clear":          {func(s *msm.Session) { s.Clear() }, 500},
		"SetIdleTimeout": {func(s *msm.Session) { s.SetIdleTimeout(time.Hour) }, 500},
		"Persist":        {func(s *msm.Session) { s.Persist(time.Hour) }, 500},
		"Destroy":        {func(s *msm.Session) { s.Destroy() }, 500},
		"Get":            {func(s *msm.Session) { count.Get(s) }, 200},
		"Flashes":        {func(s *msm.Session) { s.Flashes() }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			modes(t, func(t *testing.T, config msm.Config) {
				config.Ignore = everything
				m := newManager(t, config)
				resp := visit(m, "", c.do)
				if c.status == 200 {
					if resp.StatusCode != 200 {
						t.Error(resp.StatusCode)
					}
					return
				}
				wantPage(t, resp, 500, programPage)
				wantRefused(t, m, map[string]uint64{"misuse": 1})
			})
		})
	}
}

// TestALogoutMeanwhileIsNobodysFault checks that it is 409, since neither the nodes nor the program are at fault.
func TestALogoutMeanwhileIsNobodysFault(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, config msm.Config) {
		m := newManager(t, config)
		id := begin(t, m, func(s *msm.Session) { add(s) })
		resp := visit(m, id, func(s *msm.Session) {
			add(s)
			visit(m, id, func(s *msm.Session) { s.Destroy() })
		})
		wantPage(t, resp, 409, "The session has ended meanwhile. Please try again.\n")
		wantRefused(t, m, map[string]uint64{"gone": 1})
	})
}
