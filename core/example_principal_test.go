package msm_test

import (
	"fmt"
	"net/http"

	msm "github.com/gomsm/msm/core"
)

// A visitor sees where he is logged in, and logs out everywhere else, as after a change of the password.
func ExampleManager_DestroyAll() {
	m := manager(msm.Config{}) // m, err := msm.New(msm.Config{Nodes: "n1:cache1:11211,n2:cache2:11211"})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context()) // the password was right
		s.SetDevice(r.RemoteAddr, r.UserAgent())
		if err := s.SetPrincipal("ann"); err != nil {
			http.Error(w, err.Error(), msm.StatusOf(err))
		}
	})
	mux.HandleFunc("GET /devices", func(w http.ResponseWriter, r *http.Request) {
		list, err := m.Sessions(r.Context(), msm.From(r.Context()).Principal())
		if err != nil {
			http.Error(w, err.Error(), msm.StatusOf(err))
			return
		}
		for _, s := range list {
			fmt.Fprintf(w, "%s, this one: %v", s.Address, s.Current)
		}
	})
	mux.HandleFunc("POST /logout-elsewhere", func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		if err := m.DestroyAll(r.Context(), s.Principal(), s.Handle()); err != nil {
			http.Error(w, err.Error(), msm.StatusOf(err))
		}
	})
	phone, laptop := m.Middleware(mux), m.Middleware(mux)
	browse(phone, "POST /login")
	browse(laptop, "POST /login", "POST /logout-elsewhere", "GET /devices")
	// Output:
	// POST /login -> 200
	// POST /login -> 200
	// POST /logout-elsewhere -> 200
	// GET /devices -> 200 192.0.2.1:1234, this one: true
}
