package msm_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	msm "github.com/gomsm/msm/core"
)

// manager returns a manager for examples: it logs nothing and keeps sessions in memory.
func manager(config msm.Config) *msm.Manager {
	config.Logger = slog.New(slog.DiscardHandler)
	m, err := msm.New(config)
	if err != nil {
		panic(err)
	}
	return m
}

// browse sends requests such as "POST /login?user=ann" as a browser does, with its cookies, and prints the responses.
func browse(app http.Handler, requests ...string) {
	jar, _ := cookiejar.New(nil)
	for _, request := range requests {
		method, path, _ := strings.Cut(request, " ")
		r, w := httptest.NewRequest(method, "http://app"+path, nil), httptest.NewRecorder()
		for _, c := range jar.Cookies(r.URL) {
			r.AddCookie(c)
		}
		app.ServeHTTP(w, r)
		jar.SetCookies(r.URL, w.Result().Cookies())
		fmt.Println(strings.TrimSpace(fmt.Sprint(request, " -> ", w.Code, " ", w.Body)))
	}
}

func Example() {
	m := manager(msm.Config{}) // m, err := msm.New(msm.Config{Nodes: "n1:cache1:11211,n2:cache2:11211"})
	visits := msm.NewKey[int]("visits")
	app := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := visits.Update(msm.From(r.Context()), func(n int) int { return n + 1 })
		fmt.Fprintln(w, "visit", n)
	}))
	browse(app, "GET /", "GET /")
	// Output:
	// GET / -> 200 visit 1
	// GET / -> 200 visit 2
}

// The session gets a new id at login, so that an id that was planted in the browser before is worth nothing. Its values
// stay.
func Example_login() {
	m := manager(msm.Config{}) // m, err := msm.New(msm.Config{Nodes: "n1:cache1:11211,n2:cache2:11211"})
	user := msm.NewKey[string]("user")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("password") != "secret" { // a comparison with a hash, in an app
			http.Error(w, "wrong user or password", http.StatusUnauthorized)
			return
		}
		s := msm.From(r.Context())
		if err := s.Renew(); err != nil {
			http.Error(w, "please try again", http.StatusServiceUnavailable)
			return
		}
		user.Set(s, r.FormValue("user"))
	})
	mux.HandleFunc("GET /account", func(w http.ResponseWriter, r *http.Request) {
		name, ok, err := user.Lookup(msm.From(r.Context()))
		switch {
		case err != nil: // the session could not be loaded, which is never "not logged in"; msm sends the response
		case !ok:
			http.Error(w, "log in first", http.StatusUnauthorized)
		default:
			fmt.Fprintln(w, "the account of", name)
		}
	})
	browse(m.Middleware(mux), "GET /account", "POST /login?user=ann&password=guess", "POST /login?user=ann&password=secret", "GET /account")
	// Output:
	// GET /account -> 401 log in first
	// POST /login?user=ann&password=guess -> 401 wrong user or password
	// POST /login?user=ann&password=secret -> 200
	// GET /account -> 200 the account of ann
}

// Destroy ends the session on every node, for good, and removes the cookie.
func Example_logout() {
	m := manager(msm.Config{}) // m, err := msm.New(msm.Config{Nodes: "n1:cache1:11211,n2:cache2:11211"})
	user := msm.NewKey[string]("user")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(_ http.ResponseWriter, r *http.Request) {
		user.Set(msm.From(r.Context()), "ann") // see the example of logins
	})
	mux.HandleFunc("POST /logout", func(_ http.ResponseWriter, r *http.Request) {
		msm.From(r.Context()).Destroy()
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		fmt.Fprintf(w, "user %q, new %v", user.Get(s), s.IsNew())
	})
	browse(m.Middleware(mux), "POST /login", "GET /", "POST /logout", "GET /")
	// Output:
	// POST /login -> 200
	// GET / -> 200 user "ann", new false
	// POST /logout -> 200
	// GET / -> 200 user "", new true
}

// A message for the next page, which is seen once. The redirect keeps a reload of the page from posting again.
func ExampleSession_AddFlash() {
	m := manager(msm.Config{}) // m, err := msm.New(msm.Config{Nodes: "n1:cache1:11211,n2:cache2:11211"})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		msm.From(r.Context()).AddFlash("Thank you for your order.")
		http.Redirect(w, r, "/orders", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		for _, message := range msm.From(r.Context()).Flashes() {
			fmt.Fprintln(w, message)
		}
	})
	browse(m.Middleware(mux), "POST /orders", "GET /orders", "GET /orders")
	// Output:
	// POST /orders -> 303
	// GET /orders -> 200 Thank you for your order.
	// GET /orders -> 200
}

// Of two requests that add an item at the same time both count. With Get and Set one of them could get lost.
func ExampleKey_Update() {
	m := manager(msm.Config{}) // m, err := msm.New(msm.Config{Nodes: "n1:cache1:11211,n2:cache2:11211"})
	cart := msm.NewKey[[]string]("cart")
	app := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		item := r.FormValue("item") // the function only computes: it may be called more than once
		items := cart.Update(msm.From(r.Context()), func(items []string) []string { return append(items, item) })
		fmt.Fprintln(w, items)
	}))
	browse(app, "POST /?item=tea", "POST /?item=cups")
	// Output:
	// POST /?item=tea -> 200 [tea]
	// POST /?item=cups -> 200 [tea cups]
}

// A handler that must not run in parallel with another one of the same session, because it does more than change the
// session.
func ExampleSession_Lock() {
	m := manager(msm.Config{Locking: msm.LockApp}) // and Nodes
	paid := msm.NewKey[bool]("paid")
	app := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		if err := s.Lock(r.Context()); err != nil {
			return // msm sends the response
		}
		if paid.Get(s) { // as the request before has stored it, in whatever instance
			fmt.Fprintln(w, "paid already")
			return
		}
		paid.Set(s, true)
		fmt.Fprintln(w, "paid")
	}))
	browse(app, "POST /pay", "POST /pay")
	// Output:
	// POST /pay -> 200 paid
	// POST /pay -> 200 paid already
}

// "Remember me": the visitor stays for 30 days after the last visit, also with the browser closed in between.
func ExampleSession_Persist() {
	m := manager(msm.Config{}) // m, err := msm.New(msm.Config{Nodes: "n1:cache1:11211,n2:cache2:11211"})
	user := msm.NewKey[string]("user")
	app := m.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		user.Set(s, "ann") // see the example of logins
		if r.FormValue("remember") != "" {
			s.Persist(30 * 24 * time.Hour)
		}
	}))
	for _, path := range []string{"/login", "/login?remember=on"} {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest("POST", path, nil))
		fmt.Println(path, "-> a cookie for", time.Duration(w.Result().Cookies()[0].MaxAge)*time.Second)
	}
	// Output:
	// /login -> a cookie for 0s
	// /login?remember=on -> a cookie for 720h0m0s
}

// A main function that loses nothing when the process is told to end. Docker kills the process 10 s later, Kubernetes
// 30 s.
func ExampleManager_ListenAndServe() {
	m, err := msm.New(msm.Config{Nodes: "n1:cache1:11211,n2:cache2:11211", Sticky: true})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: ":8080", Handler: m.Middleware(http.DefaultServeMux), ReadHeaderTimeout: 10 * time.Second}
	if err := m.ListenAndServe(ctx, server, 8*time.Second); err != nil {
		log.Print(err)
	}
}
