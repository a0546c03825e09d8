package msm_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	msm "github.com/gomsm/msm/core"
)

type (
	flushes  struct{}
	hijacks  struct{}
	pushes   struct{}
	notifies struct{}
)

func (flushes) Flush()                                       {}
func (hijacks) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, errHijack }
func (pushes) Push(string, *http.PushOptions) error          { return errPush }
func (notifies) CloseNotify() <-chan bool                    { return gone }

var (
	errHijack = errors.New("hijacked")
	errPush   = errors.New("pushed")
	gone      = make(chan bool)
)

// TestTheWriterCanDoWhatTheOneBelowCan checks each ability, in every combination, and that there is no other.
func TestTheWriterCanDoWhatTheOneBelowCan(t *testing.T) {
	t.Parallel()
	type bare = http.ResponseWriter
	m := newManager(t, msm.Config{})
	w := httptest.NewRecorder()
	for able, below := range map[string]http.ResponseWriter{
		"": struct{ bare }{w},
		"F": struct {
			bare
			flushes
		}{w, flushes{}},
		"H": struct {
			bare
			hijacks
		}{w, hijacks{}},
		"P": struct {
			bare
			pushes
		}{w, pushes{}},
		"N": struct {
			bare
			notifies
		}{w, notifies{}},
		"FH": struct {
			bare
			flushes
			hijacks
		}{w, flushes{}, hijacks{}},
		"FP": struct {
			bare
			flushes
			pushes
		}{w, flushes{}, pushes{}},
		"FN": struct {
			bare
			flushes
			notifies
		}{w, flushes{}, notifies{}},
		"HP": struct {
			bare
			hijacks
			pushes
		}{w, hijacks{}, pushes{}},
		"HN": struct {
			bare
			hijacks
			notifies
		}{w, hijacks{}, notifies{}},
		"PN": struct {
			bare
			pushes
			notifies
		}{w, pushes{}, notifies{}},
		"FHP": struct {
			bare
			flushes
			hijacks
			pushes
		}{w, flushes{}, hijacks{}, pushes{}},
		"FHN": struct {
			bare
			flushes
			hijacks
			notifies
		}{w, flushes{}, hijacks{}, notifies{}},
		"FPN": struct {
			bare
			flushes
			pushes
			notifies
		}{w, flushes{}, pushes{}, notifies{}},
		"HPN": struct {
			bare
			hijacks
			pushes
			notifies
		}{w, hijacks{}, pushes{}, notifies{}},
		"FHPN": struct {
			bare
			flushes
			hijacks
			pushes
			notifies
		}{w, flushes{}, hijacks{}, pushes{}, notifies{}},
	} {
		t.Run(able, func(t *testing.T) {
			m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				got := ""
				if _, ok := w.(http.Flusher); ok {
					got += "F"
				}
				if h, ok := w.(http.Hijacker); ok {
					got += "H"
					if _, _, err := h.Hijack(); !errors.Is(err, errHijack) {
						t.Errorf("Hijack: %v", err)
					}
				}
				if p, ok := w.(http.Pusher); ok {
					got += "P"
					if err := p.Push("", nil); !errors.Is(err, errPush) {
						t.Errorf("Push: %v", err)
					}
				}
				if n, ok := w.(interface{ CloseNotify() <-chan bool }); ok {
					got += "N"
					if n.CloseNotify() != gone {
						t.Error("another channel")
					}
				}
				if got != able {
					t.Errorf("it can do %q", got)
				}
			})).ServeHTTP(below, httptest.NewRequest("GET", "/", nil))
		})
	}
}

// TestWhatCannotBeSentCommitsNothing checks that a missing ability, or one that fails, does not commit.
func TestWhatCannotBeSentCommitsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		below func(w http.ResponseWriter) http.ResponseWriter
		try   func(w http.ResponseWriter) error
	}{
		"a flush of a buffer": {
			func(w http.ResponseWriter) http.ResponseWriter { return struct{ http.ResponseWriter }{w} },
			func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
		},
		"a takeover by HTTP/2": {
			func(w http.ResponseWriter) http.ResponseWriter { return w },
			func(w http.ResponseWriter) error { _, _, err := http.NewResponseController(w).Hijack(); return err },
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, msm.Config{})
			inner := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s := msm.From(r.Context())
				err := c.try(w)
				if !errors.Is(err, http.ErrNotSupported) {
					t.Errorf("%v", err)
				}
				add(s) // a session can still begin, with its cookie
				fmt.Fprint(w, count.Get(s), " ", s.Err())
			}))
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inner.ServeHTTP(c.below(w), r)
			}))
			server.EnableHTTP2 = true
			server.StartTLS()
			t.Cleanup(server.Close)
			resp, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if body, _ := io.ReadAll(resp.Body); string(body) != "1 <nil>" || len(sessionCookies(resp)) != 1 {
				t.Errorf("%s, cookies %v", body, resp.Cookies())
			}
		})
	}
}

// TestHintsAreNoAnswer has a writer that cannot send hints before the response, as http.TimeoutHandler's, and would
// take them for it.
func TestHintsAreNoAnswer(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{MaxSessionSize: 100})
	a := serve(t, http.TimeoutHandler(m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		msm.From(r.Context()).Set("large", make([]byte, 1000))
		fmt.Fprint(w, "secret")
	})), hangTimeout, ""))
	if resp, body := a.do("GET", "/"); resp.StatusCode < 500 || body == "secret" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
}
