package msm_test

import (
	"bufio"
	"errors"
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

func (flushes) Flush() {}

func (hijacks) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, errHijack }

func (pushes) Push(string, *http.PushOptions) error { return errPush }

func (notifies) CloseNotify() <-chan bool { return gone }

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
