// Command nethttp is the example app on net/http alone.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"regexp"
	"strings"
	"time"

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
	r := http.NewServeMux()
	r.HandleFunc("GET /{$}", showPage)
	r.HandleFunc("GET /session", showSession)
	r.HandleFunc("GET /count", showCount)
	r.HandleFunc("POST /count", addToCount)
	r.HandleFunc("GET /attributes/{name}", getAttribute)
	r.HandleFunc("PUT /attributes/{name}", putAttribute)
	r.HandleFunc("DELETE /attributes/{name}", deleteAttribute)
	r.HandleFunc("GET /slow", countSlowly)
	r.HandleFunc("POST /slow", setSlowly)
	r.HandleFunc("POST /login", login)
	r.HandleFunc("POST /logout", logout)
	r.HandleFunc("GET /events", events)
	r.HandleFunc("GET /plain", plain)
	r.HandleFunc("GET /pixel.gif", pixel)
	r.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { demo.Health(w, m) })
	return m.Middleware(r)
}

func showPage(w http.ResponseWriter, r *http.Request) {
	s := msm.From(r.Context())
	demo.Render(w, demo.Page{
		Instance: "net/http " + s.Route(), Node: s.Node(), Known: !s.IsNew(), Count: count.Get(s), User: user.Get(s),
	})
}

func showSession(w http.ResponseWriter, r *http.Request) {
	s := msm.From(r.Context())
	demo.JSON(w, map[string]any{
		"id": s.ID(), "new": s.IsNew(), "node": s.Node(), "route": s.Route(), "attributes": append([]string{}, s.Keys()...),
	})
}

func showCount(w http.ResponseWriter, r *http.Request) {
	s := msm.From(r.Context())
	answerCount(w, s, count.Get(s))
}

func addToCount(w http.ResponseWriter, r *http.Request) {
	s := msm.From(r.Context())
	answerCount(w, s, count.Update(s, func(n int) int { return n + 1 }))
}

func answerCount(w http.ResponseWriter, s *msm.Session, n int) {
	demo.JSON(w, map[string]any{"count": n, "node": s.Node(), "route": s.Route()})
}

func getAttribute(w http.ResponseWriter, r *http.Request) {
	value, ok, err := msm.Lookup[string](msm.From(r.Context()), r.PathValue("name"))
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
	msm.From(r.Context()).Set(r.PathValue("name"), string(value))
	w.WriteHeader(http.StatusNoContent)
}

func deleteAttribute(w http.ResponseWriter, r *http.Request) {
	msm.From(r.Context()).Delete(r.PathValue("name"))
	w.WriteHeader(http.StatusNoContent)
}

func countSlowly(w http.ResponseWriter, r *http.Request) {
	s := msm.From(r.Context())
	n := count.Get(s)
	demo.Sleep(r.Context(), demo.Millis(r.FormValue("ms")))
	answerCount(w, s, n)
}

func setSlowly(w http.ResponseWriter, r *http.Request) {
	s := msm.From(r.Context())
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
	s := msm.From(r.Context())
	if err := s.Renew(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	user.Set(s, r.FormValue("user"))
	demo.JSON(w, map[string]string{"id": s.ID()})
}

func logout(w http.ResponseWriter, r *http.Request) {
	msm.From(r.Context()).Destroy()
	w.WriteHeader(http.StatusNoContent)
}

// events streams. It sets its attribute before the first event leaves, because the session is stored then.
func events(w http.ResponseWriter, r *http.Request) {
	streamed.Set(msm.From(r.Context()), true)
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
