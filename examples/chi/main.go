// Command chi is the example app on chi.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	msmchi "github.com/gomsm/msm/chi"
	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/examples/internal/demo"
)

// The attributes of a session, each with its name and type.
var (
	count    = msm.NewKey[int]("count")
	user     = msm.NewKey[string]("user")
	streamed = msm.NewKey[bool]("streamed")
)

func main() {
	config, err := msm.FromEnv()
	if err != nil {
		log.Fatal(err)
	}
	if config.Ignore == nil {
		config.Ignore = regexp.MustCompile(`^/pixel\.gif$`) // public, and its handler needs no session
	}
	m, err := msm.New(config)
	if err != nil {
		log.Fatal(err)
	}
	demo.Serve(m, routes(m))
}

func routes(m *msm.Manager) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.Recoverer, msmchi.Sessions(m))
	r.Get("/", showPage)
	r.Get("/session", showSession)
	r.Get("/count", showCount)
	r.Post("/count", addToCount)
	r.Get("/attributes/{name}", getAttribute)
	r.Put("/attributes/{name}", putAttribute)
	r.Delete("/attributes/{name}", deleteAttribute)
	r.Get("/slow", countSlowly)
	r.Post("/slow", setSlowly)
	r.Post("/login", login)
	r.Post("/logout", logout)
	r.Get("/events", events)
	r.Get("/plain", plain)
	r.Get("/pixel.gif", pixel)
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { demo.Health(w, m) })
	return r
}

func showPage(w http.ResponseWriter, r *http.Request) {
	s := msmchi.Session(r)
	demo.Render(w, demo.Page{
		Instance: "chi " + s.Route(), Node: s.Node(), Known: !s.IsNew(), Count: count.Get(s), User: user.Get(s),
	})
}

func showSession(w http.ResponseWriter, r *http.Request) {
	s := msmchi.Session(r)
	demo.JSON(w, map[string]any{
		"id": s.ID(), "new": s.IsNew(), "node": s.Node(), "route": s.Route(), "attributes": append([]string{}, s.Keys()...),
	})
}

func showCount(w http.ResponseWriter, r *http.Request) {
	s := msmchi.Session(r)
	answerCount(w, s, count.Get(s))
}

func addToCount(w http.ResponseWriter, r *http.Request) {
	s := msmchi.Session(r)
	answerCount(w, s, count.Update(s, func(n int) int { return n + 1 }))
}

func answerCount(w http.ResponseWriter, s *msm.Session, n int) {
	demo.JSON(w, map[string]any{"count": n, "node": s.Node(), "route": s.Route()})
}

func getAttribute(w http.ResponseWriter, r *http.Request) {
	value, ok, err := msm.Lookup[string](msmchi.Session(r), chi.URLParam(r, "name"))
	if err != nil || !ok {
		http.NotFound(w, r)
		return
	}
	demo.Text(w, value)
}

func putAttribute(w http.ResponseWriter, r *http.Request) {
	value, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	msmchi.Session(r).Set(chi.URLParam(r, "name"), string(value))
	w.WriteHeader(http.StatusNoContent)
}

func deleteAttribute(w http.ResponseWriter, r *http.Request) {
	msmchi.Session(r).Delete(chi.URLParam(r, "name"))
	w.WriteHeader(http.StatusNoContent)
}

func countSlowly(w http.ResponseWriter, r *http.Request) {
	s := msmchi.Session(r)
	n := count.Get(s)
	demo.Sleep(r.Context(), demo.Millis(r.FormValue("ms")))
	answerCount(w, s, n)
}

func setSlowly(w http.ResponseWriter, r *http.Request) {
	s := msmchi.Session(r)
	name, value, ok := strings.Cut(r.FormValue("set"), "=")
	if !ok {
		http.Error(w, "set must be NAME=VALUE", http.StatusBadRequest)
		return
	}
	demo.Sleep(r.Context(), demo.Millis(r.FormValue("ms")))
	s.Set(name, value)
	w.WriteHeader(http.StatusNoContent)
}

// login gives the session a new id, so that an id that was planted before is worth nothing.
func login(w http.ResponseWriter, r *http.Request) {
	s := msmchi.Session(r)
	if err := s.Renew(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	user.Set(s, r.FormValue("user"))
	demo.JSON(w, map[string]string{"id": s.ID()})
}

func logout(w http.ResponseWriter, r *http.Request) {
	msmchi.Session(r).Destroy()
	w.WriteHeader(http.StatusNoContent)
}

// events streams. It sets its attribute before the first event leaves, because the session is stored then.
func events(w http.ResponseWriter, r *http.Request) {
	streamed.Set(msmchi.Session(r), true)
	w.Header().Set("Content-Type", "text/event-stream")
	for i := 1; i <= 3 && r.Context().Err() == nil; i++ {
		fmt.Fprintf(w, "data: %d\n\n", i)
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		demo.Sleep(r.Context(), 50*time.Millisecond)
	}
}

func plain(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }

func pixel(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "image/gif")
	_, _ = w.Write(demo.Pixel)
}
