package msm_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	msm "github.com/gomsm/msm/core"
)

// A job changes a visitor's session after the request has ended.
func ExampleManager_Open() {
	m := manager(msm.Config{}) // m, err := msm.New(msm.Config{Nodes: "n1:cache1:11211,n2:cache2:11211"})
	report := msm.NewKey[string]("report")
	jobs := make(chan string, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /report", func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		report.Set(s, "ordered")
		w.WriteHeader(http.StatusAccepted) // the session is stored
		jobs <- s.ID()
	})
	mux.HandleFunc("GET /report", func(w http.ResponseWriter, r *http.Request) {
		id := <-jobs
		job := func(ctx context.Context) error { // in another goroutine, or another process
			s, err := m.Open(ctx, id)
			if errors.Is(err, msm.ErrGone) {
				return nil // the visitor has logged out
			}
			if err != nil {
				return err
			}
			report.Set(s, "done")
			return s.Commit(ctx)
		}
		if err := job(context.Background()); err != nil {
			fmt.Println(err)
		}
		fmt.Fprint(w, report.Get(msm.From(r.Context())))
	})
	browse(m.Middleware(mux), "POST /report", "GET /report")
	// Output:
	// POST /report -> 202
	// GET /report -> 200 done
}

// A stream ends when its session does, here because an administrator signs the visitor out.
func ExampleSession_Watch() {
	m := manager(msm.Config{}) // m, err := msm.New(msm.Config{Nodes: "n1:cache1:11211,n2:cache2:11211"})
	user := msm.NewKey[string]("user")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(_ http.ResponseWriter, r *http.Request) {
		user.Set(msm.From(r.Context()), "ann")
	})
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		ctx, stop := s.Watch(r.Context())
		defer stop()
		fmt.Fprintln(w, "hello", user.Get(s))
		go signOut(m, s.ID())
		<-ctx.Done() // or the next event
		fmt.Fprintln(w, context.Cause(ctx))
	})
	browse(m.Middleware(mux), "POST /login", "GET /events")
	// Output:
	// POST /login -> 200
	// GET /events -> 200 hello ann
	// msm: the session has ended
}

func signOut(m *msm.Manager, id string) {
	s, err := m.Open(context.Background(), id)
	if err == nil {
		s.Destroy()
		err = s.Commit(context.Background())
	}
	if err != nil {
		fmt.Println(err)
	}
}
