package msmchi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	msmchi "github.com/gomsm/msm/chi"
	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

type chiMiddleware = func(http.Handler) http.Handler

func TestContract(t *testing.T) {
	msmtest.TestAdapter(t, msmtest.Framework[http.HandlerFunc, chiMiddleware]{
		Sessions: msmchi.Sessions,
		Line:     "msmchi.Sessions(manager)",
		Build: func(app msmtest.App[http.HandlerFunc, chiMiddleware]) http.Handler {
			r := chi.NewRouter()
			fill(r, app.Group)
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				r.ServeHTTP(middleware.NewWrapResponseWriter(w, req.ProtoMajor), req) // as chi's own middleware does
			})
		},
		Handler: func(h msmtest.Handler) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { _ = h(call(w, r)) }
		},
		Around: func(before func(msmtest.Call) bool, after func(msmtest.Call)) chiMiddleware {
			return func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if before(call(w, r)) {
						next.ServeHTTP(w, r)
					}
					after(call(w, r))
				})
			}
		},
		Recovery:    quietRecovery,
		Compression: func() chiMiddleware { return middleware.Compress(5) },
		Others: map[string]func() chiMiddleware{
			"Compress":  func() chiMiddleware { return middleware.Compress(5) },
			"Timeout":   func() chiMiddleware { return middleware.Timeout(time.Hour) },
			"Recoverer": quietRecovery,
		},
		Param: "{id}",
		Lacks: map[msmtest.Feature]string{
			msmtest.OwnAnswers:     "handlers of chi are those of net/http",
			msmtest.ReturnedErrors: "handlers of chi return nothing",
			msmtest.OwnRequest:     "chi gives its middleware a copy of the request, and leaves files without msm, too",
		},
	})
}

func call(w http.ResponseWriter, r *http.Request) msmtest.Call {
	return msmtest.Call{
		W: w, R: r,
		Session: func() *msm.Session { return msmchi.Session(r) },
		Status:  func() int { return w.(middleware.WrapResponseWriter).Status() },
	}
}

// quietRecovery is chi's Recoverer with a silent log: without a log it prints the panic.
func quietRecovery() chiMiddleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			middleware.Recoverer(next).ServeHTTP(w, middleware.WithLogEntry(r, silent{}))
		})
	}
}

type silent struct{}

func (silent) Write(int, int, http.Header, time.Duration, any) {}
func (silent) Panic(any, []byte)                               {}

func fill(r chi.Router, g msmtest.Group[http.HandlerFunc, chiMiddleware]) {
	r.Use(g.Use...)
	for _, route := range g.Routes {
		r.Method(route.Method, route.Path, route.Handler)
	}
	for _, inner := range g.Groups {
		r.Route(inner.Prefix, func(r chi.Router) { fill(r, inner) })
	}
}

// TestInline checks middleware in front of a single handler, which chi allows as well.
func TestInline(t *testing.T) {
	r := chi.NewRouter()
	r.With(msmchi.Sessions(msmtest.NewManager(t, msm.Config{}))).Post("/", visit)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Body.String() != "1" || w.Header().Get("Set-Cookie") == "" {
		t.Errorf("%q, %v", w.Body, w.Header())
	}
}

var visits = msm.NewKey[int]("visits")

func visit(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, visits.Update(msmchi.Session(r), func(n int) int { return n + 1 }))
}

func Example() {
	m, err := msm.New(msm.Config{}) // Nodes: "n1:cache1:11211,n2:cache2:11211" keeps sessions in memcached
	if err != nil {
		panic(err)
	}
	defer m.Close(context.Background())

	r := chi.NewRouter()
	r.Use(msmchi.Sessions(m))
	r.Post("/", visit)

	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 200 1
}
