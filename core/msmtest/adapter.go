package msmtest

import (
	"net/http"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// Framework describes a web framework and its adapter to TestAdapter. H is the framework's type of handlers, M is its
// type of middleware; they may be the same.
type Framework[H, M any] struct {
	// Sessions returns the adapter's middleware.
	Sessions func(m *msm.Manager) M
	// Line is how an app installs the middleware, such as "msmgin.Sessions(manager)".
	Line string
	// Build builds an app with the framework. It adds nothing that app does not name.
	Build func(app App[H, M]) http.Handler
	// Handler returns a handler of the framework that runs h. It returns or reports h's error in the framework's way;
	// see ReturnedErrors.
	Handler func(h Handler) H
	// Around returns a middleware that calls before and goes on to what is inside only if that returned true. Then it
	// calls after in any case, even if a handler inside has returned an error.
	Around func(before func(c Call) bool, after func(c Call)) M

	// Param is how the framework writes a parameter in a path, such as "{id}" or ":id".
	Param string

	// Recovery returns the framework's own recovery from panics, which answers with status 500. nil: see Lacks.
	Recovery func() M
	// Compression returns a middleware that compresses with gzip, for clients that accept it, at least text/plain. nil:
	// see Lacks.
	Compression func() M
	// Others are further middlewares, by name, that apps may have outside or inside the sessions: those that hold an
	// answer back, cut it short, or put another writer in its place. Empty: see Lacks.
	Others map[string]func() M
	// Answers are handlers that answer GET requests in ways that the framework adds to those of net/http, by the name
	// of the way. Empty: see Lacks.
	Answers map[string]Answer[H]
	// Lacks says, for each Feature that the framework does not have, why that is so. The cases about it are skipped
	// with this reason. The test fails for a feature that the framework neither has nor is said to lack.
	Lacks map[Feature]string
}

// Feature is something that not every framework has.
type Feature string

// The features that a Framework may lack.
const (
	// OwnAnswers are ways to answer besides those of net/http. See Framework.Answers.
	OwnAnswers Feature = "own answers"
	// OwnRecovery is a recovery from panics. See Framework.Recovery.
	OwnRecovery Feature = "own recovery"
	// OwnCompression is a compression of answers. See Framework.Compression.
	OwnCompression Feature = "own compression"
	// OthersAround is middleware that an answer must survive. See Framework.Others.
	OthersAround Feature = "others around"
	// OwnStatus is the status that was sent, which the framework keeps for its log. See Call.Status.
	OwnStatus Feature = "own status"
	// ReturnedErrors are errors that handlers return or report, and that something outside of them answers. See
	// App.OnError.
	ReturnedErrors Feature = "returned errors"
	// FilesByKernel means that the framework's writer is an io.ReaderFrom if the server's is, so that the kernel sends
	// files.
	FilesByKernel Feature = "files by kernel"
	// OwnRequest means that handlers get the very request that the adapter has made, so that net/http removes the files
	// of a form that they have parsed. If the framework or its middleware hands out a copy, removing these files is
	// left to the app.
	OwnRequest Feature = "own request"
)

// Handler is a handler that knows no framework.
type Handler func(c Call) error

// Call is one request as a handler of the framework sees it.
type Call struct {
	W       http.ResponseWriter // the framework's writer as it is at the moment
	R       *http.Request
	Session func() *msm.Session // calls the adapter's function Session
	Status  func() int          // returns the status that the framework has for the answer; see OwnStatus
}

// App is an app to build. It is a group with an empty prefix, which also covers paths that no route has.
type App[H, M any] struct {
	Group[H, M]
	// OnError answers the errors of handlers in place of what the framework does by itself; nil: nothing does. It is
	// called outside of all middleware, and does not check whether something was sent already. See ReturnedErrors.
	OnError func(c Call, err error)
}

// Group is a part of an app whose routes and groups have a prefix and middleware in common.
type Group[H, M any] struct {
	Prefix string // such as "/admin", below the prefix of the group around it
	Use    []M    // the outermost first; inside the middleware of the group around it
	Routes []Route[H]
	Groups []Group[H, M]
}

// Route is a handler for a method and a path below the prefixes of its groups.
type Route[H any] struct {
	Method, Path string
	Handler      H
}

// Answer is a handler, and what a client should get from it.
type Answer[H any] struct {
	Status  int
	Body    string // empty: not checked
	Handler H
}

// TestAdapter checks that an adapter keeps what msm promises about HTTP, whatever way the framework answers. Each case
// is a subtest. The cases in which a node fails need memcached.
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
