package msmtest

import (
	"net/http"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// Framework tells TestAdapter about a web framework and the adapter to it. H is the framework's type of handlers, M its
// type of middleware; they may be the same.
type Framework[H, M any] struct {
	// Sessions is the adapter's middleware.
	Sessions func(m *msm.Manager) M
	// Line is how an app installs it, such as "msmgin.Sessions(manager)".
	Line string
	// Build builds an app with the framework, and with nothing in it that app does not name.
	Build func(app App[H, M]) http.Handler
	// Handler makes a framework's handler of one that knows no framework. The error is returned, or reported, in the
	// framework's way; see ReturnedErrors.
	Handler func(h Handler) H
	// Around makes a middleware that calls before, goes on to what is inside only if that answers true, and then calls
	// after, also if a handler inside has returned an error.
	Around func(before func(c Call) bool, after func(c Call)) M

	// Param is how a part of a path is written that is a parameter, such as "{id}" or ":id".
	Param string

	// Recovery is the framework's own recovery from panics, with status 500. See Lacks.
	Recovery func() M
	// Compression compresses with gzip what clients accept compressed, text/plain at least. See Lacks.
	Compression func() M
	// Others are further middlewares by their names, which apps have outside the sessions or inside: those that hold an answer
	// back, cut it short or put another writer in place. See Lacks.
	Others map[string]func() M
	// Answers are handlers that answer GET requests in the ways that the framework adds to those of net/http, by the name
	// of the way. See Lacks.
	Answers map[string]Answer[H]
	// Lacks says for each Feature that the framework does not have why that is so. The cases about it are skipped with
	// this reason. For a feature that is neither here nor lacking the test fails.
	Lacks map[Feature]string
}

// Feature is something that not every framework has.
type Feature string

// The features that a Framework may lack.
const (
	// OwnAnswers: ways to answer besides net/http's. Framework.Answers has them.
	OwnAnswers Feature = "own answers"
	// OwnRecovery from panics. Framework.Recovery is it.
	OwnRecovery Feature = "own recovery"
	// OwnCompression of answers. Framework.Compression is it.
	OwnCompression Feature = "own compression"
	// OthersAround: middleware that an answer must survive. Framework.Others has it.
	OthersAround Feature = "others around"
	// OwnStatus: the framework keeps the status that was sent, for its log. Call.Status tells it.
	OwnStatus Feature = "own status"
	// ReturnedErrors: handlers return, or report, errors, which something further out answers. App.OnError is it.
	ReturnedErrors Feature = "returned errors"
	// FilesByKernel: the framework's writer is an io.ReaderFrom if the server's is, so that the kernel sends files.
	FilesByKernel Feature = "files by kernel"
	// OwnRequest: handlers get the request that the adapter has made, so that net/http removes the files of a form which they
	// have parsed. A framework that gives them, or its middleware, a copy leaves these files to the app.
	OwnRequest Feature = "own request"
)

// Handler is a handler that knows no framework.
type Handler func(c Call) error

// Call is one request as a handler of the framework sees it.
type Call struct {
	W       http.ResponseWriter // the framework's, as it is at the moment
	R       *http.Request
	Session func() *msm.Session // the adapter's function Session
	Status  func() int          // the status that the framework has for the answer; see OwnStatus
}

// App is an app to build: a group with an empty prefix that is everything, also for paths that no route has.
type App[H, M any] struct {
	Group[H, M]
	// OnError answers the errors of handlers in place of what the framework does by itself; nil: nothing does. It does not
	// look whether something was sent. It is called outside of all middleware. See ReturnedErrors.
	OnError func(c Call, err error)
}

// Group is a part of an app whose routes and groups have a prefix and middleware in common.
type Group[H, M any] struct {
	Prefix string // such as "/admin", below that of the group around it
	Use    []M    // the outermost first; within that of the group around it
	Routes []Route[H]
	Groups []Group[H, M]
}

// Route is a handler for a method and a path, which is below the prefixes of its groups.
type Route[H any] struct {
	Method, Path string
	Handler      H
}

// Answer is a handler and what a client should get from it.
type Answer[H any] struct {
	Status  int
	Body    string // empty: whatever it is
	Handler H
}

// TestAdapter checks that an adapter keeps what msm promises about HTTP, whatever way the framework goes: one subtest for
// each case. It needs memcached for those where a node fails.
func TestAdapter[H, M any](t *testing.T, f Framework[H, M]) {
	s := newSuite(t, f)
	for _, part := range s.contract() {
		t.Run(part.name, func(t *testing.T) {
			for _, c := range part.cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					for _, feature := range c.needs {
						if why, lacks := s.lacks[feature]; lacks {
							t.Skip(why)
						}
					}
					c.run(t)
				})
			}
		})
	}
}
