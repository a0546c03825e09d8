package msmchi_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	msmchi "github.com/gomsm/msm/chi"
	msm "github.com/gomsm/msm/core"
)

var visits = msm.NewKey[int]("visits")

func visit(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, visits.Update(msmchi.Session(r), func(n int) int { return n + 1 }))
}

func newManager(t testing.TB) *msm.Manager {
	m, err := msm.New(msm.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close(context.Background()) })
	return m
}

// TestSessions: the session is there wherever chi lets the middleware stand.
func TestSessions(t *testing.T) {
	for name, mount := range map[string]func(r chi.Router, sessions func(http.Handler) http.Handler){
		"for the whole router": func(r chi.Router, sessions func(http.Handler) http.Handler) {
			r.Use(middleware.Recoverer, sessions)
			r.Get("/a/b", visit)
		},
		"inline": func(r chi.Router, sessions func(http.Handler) http.Handler) {
			r.With(sessions).Get("/a/b", visit)
		},
		"in a group": func(r chi.Router, sessions func(http.Handler) http.Handler) {
			r.Group(func(r chi.Router) {
				r.Use(sessions)
				r.Get("/a/b", visit)
			})
		},
		"in a router that is mounted": func(r chi.Router, sessions func(http.Handler) http.Handler) {
			sub := chi.NewRouter()
			sub.Use(sessions)
			sub.Get("/b", visit)
			r.Mount("/a", sub)
		},
		"around compression": func(r chi.Router, sessions func(http.Handler) http.Handler) {
			r.Use(sessions, middleware.Compress(5, "text/plain"))
			r.Get("/a/b", visit)
		},
		"within compression": func(r chi.Router, sessions func(http.Handler) http.Handler) {
			r.Use(middleware.Compress(5, "text/plain"), sessions)
			r.Get("/a/b", visit)
		},
		"within chi's response wrapper": func(r chi.Router, sessions func(http.Handler) http.Handler) {
			r.Use(middleware.RequestID, middleware.RequestLogger(silent{}), sessions)
			r.Get("/a/b", visit)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := chi.NewRouter()
			mount(r, msmchi.Sessions(newManager(t)))
			server := httptest.NewServer(r)
			defer server.Close()
			jar, _ := cookiejar.New(nil)
			browser := &http.Client{Jar: jar}
			for n := 1; n <= 3; n++ {
				resp, err := browser.Get(server.URL + "/a/b")
				if err != nil {
					t.Fatal(err)
				}
				var got int
				if _, err := fmt.Fscan(resp.Body, &got); err != nil || got != n {
					t.Errorf("visit %d: %d, %v", n, got, err)
				}
				_ = resp.Body.Close()
			}
		})
	}
}

func TestAPanicBehindRecovererStoresNothing(t *testing.T) {
	m := newManager(t)
	r := chi.NewRouter()
	r.Use(middleware.Recoverer, msmchi.Sessions(m))
	r.Get("/", func(w http.ResponseWriter, r *http.Request) {
		visits.Set(msmchi.Session(r), 1)
		panic(http.ErrAbortHandler)
	})
	w := httptest.NewRecorder()
	func() {
		defer func() { _ = recover() }() // chi lets this one through
		r.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	}()
	if len(w.Header()["Set-Cookie"]) > 0 || m.Stats().Saves > 0 {
		t.Errorf("%v %+v", w.Header(), m.Stats())
	}
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

// silent is a log formatter that says nothing: only the wrapped writer matters here.
type silent struct{}

func (silent) NewLogEntry(*http.Request) middleware.LogEntry { return silent{} }

func (silent) Write(int, int, http.Header, time.Duration, any) {}
func (silent) Panic(any, []byte)                               {}
