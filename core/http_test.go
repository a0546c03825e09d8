package msm_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

var count = msm.NewKey[int]("count")

func add(s *msm.Session) int { return count.Update(s, func(n int) int { return n + 1 }) }

// newManager makes a manager, on the embedded node if the config names none.
func newManager(t testing.TB, config msm.Config) *msm.Manager {
	t.Helper()
	if config.Logger == nil {
		config.Logger = quiet
	}
	if config.OpTimeout == 0 {
		config.OpTimeout = opTimeout
	}
	m, err := msm.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m
}

// app is a real HTTP server with one handler behind the middleware, and a browser in front.
type app struct {
	*httptest.Server
	browser *http.Client
	t       testing.TB
}

func serve(t testing.TB, h http.Handler) *app {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &app{server, browser, t}
}

func (a *app) do(method, path string) (*http.Response, string) {
	a.t.Helper()
	req, err := http.NewRequest(method, a.URL+path, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.send(req)
}

func (a *app) send(req *http.Request) (*http.Response, string) {
	a.t.Helper()
	resp, err := a.browser.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return resp, string(body)
}

func sessionCookies(resp *http.Response) (list []*http.Cookie) {
	for _, c := range resp.Cookies() {
		if c.Name == "SESSION" {
			list = append(list, c)
		}
	}
	return list
}

// TestCommitBeforeTheFirstByte: design §4. Whatever sends the first byte, the session is stored and its cookie sent
// before, once.
func TestCommitBeforeTheFirstByte(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		method string
		status int
		body   string
		handle func(w http.ResponseWriter, r *http.Request)
	}{
		"Write":       {"GET", 200, "x", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "x") }},
		"WriteHeader": {"GET", 202, "", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(202) }},
		"WriteString": {"GET", 200, "x", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "x") }},
		"Flush":       {"GET", 200, "", func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush() }},
		"ResponseController.Flush": {"GET", 200, "", func(w http.ResponseWriter, r *http.Request) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				panic(err)
			}
		}},
		"ReadFrom": {"GET", 200, "from", func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.(io.ReaderFrom).ReadFrom(strings.NewReader("from"))
		}},
		"a file":        {"GET", 200, "content", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) }},
		"a redirect":    {"POST", 303, "", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusSeeOther) }},
		"204":           {"POST", 204, "", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }},
		"304":           {"GET", 304, "", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304) }},
		"HEAD":          {"HEAD", 200, "", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "not sent") }},
		"nothing":       {"GET", 200, "", func(w http.ResponseWriter, r *http.Request) {}},
		"an error page": {"GET", 404, "404 page not found\n", func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }},
		"103 and then 200": {"GET", 200, "x", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			fmt.Fprint(w, "x")
		}},
		"http.TimeoutHandler inside": {"GET", 200, "x", func(w http.ResponseWriter, r *http.Request) {
			http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "x") }), time.Minute, "").ServeHTTP(w, r)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newManager(t, msm.Config{})
			a := serve(t, m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/count" {
					fmt.Fprint(w, count.Get(msm.From(r.Context())))
					return
				}
				add(msm.From(r.Context()))
				c.handle(w, r)
			})))
			resp, body := a.do(c.method, "/")
			if resp.StatusCode != c.status || c.method != "POST" && body != c.body {
				t.Errorf("status %d, body %q; want %d, %q", resp.StatusCode, body, c.status, c.body)
			}
			if n := len(sessionCookies(resp)); n != 1 {
				t.Errorf("%d cookies; want 1: %v", n, resp.Header["Set-Cookie"])
			}
			if _, body := a.do("GET", "/count"); body != "1" {
				t.Errorf("the next request counts %s; want 1", body)
			}
			if resp, _ := a.do(c.method, "/"); len(sessionCookies(resp)) != 0 {
				t.Errorf("a cookie again, for a client that has it: %v", resp.Header["Set-Cookie"])
			}
		})
	}
}

func TestEarlyHintsAreSentBeforeTheSessionIsStored(t *testing.T) {
	m := newManager(t, msm.Config{})
	a := serve(t, m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		add(msm.From(r.Context())) // would be too late after a first byte
	})))
	var hints atomic.Int32
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		hints.Add(1)
		if header.Get("Set-Cookie") != "" {
			t.Error("the hint carries a cookie")
		}
		return nil
	}}
	req, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", a.URL, nil)
	if resp, _ := a.send(req); len(sessionCookies(resp)) != 1 || hints.Load() != 1 {
		t.Errorf("%d hints, cookies %v", hints.Load(), resp.Header["Set-Cookie"])
	}
}

func TestHijackCommitsFirst(t *testing.T) {
	m := newManager(t, msm.Config{})
	a := serve(t, m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/count" {
			fmt.Fprint(w, count.Get(msm.From(r.Context())))
			return
		}
		add(msm.From(r.Context()))
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nSet-Cookie: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", w.Header().Get("Set-Cookie"))
	})))
	a.do("GET", "/")
	if _, body := a.do("GET", "/count"); body != "1" {
		t.Errorf("counted %s; want 1", body)
	}
}

func TestFlushedBytesAreNotBuffered(t *testing.T) {
	m := newManager(t, msm.Config{})
	more := make(chan struct{})
	a := serve(t, m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		add(msm.From(r.Context()))
		fmt.Fprint(w, "first\n")
		w.(http.Flusher).Flush()
		<-more
	})))
	resp, err := a.browser.Get(a.URL)
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(resp.Body).ReadString('\n') // would hang if it were buffered
	close(more)
	if line != "first\n" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
	_ = resp.Body.Close()
}

func TestChangesAfterTheFirstByteAreStored(t *testing.T) {
	m := newManager(t, msm.Config{})
	a := serve(t, m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		switch r.URL.Path {
		case "/late":
			fmt.Fprint(w, "x")
			add(s)
			if err := s.Renew(); !errors.Is(err, msm.ErrCommitted) {
				t.Errorf("Renew after the first byte: %v", err)
			}
		case "/first":
			add(s)
		}
		fmt.Fprint(w, count.Get(s))
	})))
	a.do("GET", "/first")
	a.do("GET", "/late")
	a.do("GET", "/late")
	if _, body := a.do("GET", "/"); body != "3" {
		t.Errorf("counted %s; want 3", body)
	}
}

func TestANewSessionCannotBeginAfterTheFirstByte(t *testing.T) {
	m := newManager(t, msm.Config{})
	a := serve(t, m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		fmt.Fprint(w, "x")
		add(s)
		if !errors.Is(s.Err(), msm.ErrCommitted) {
			t.Errorf("Err() = %v; want ErrCommitted", s.Err())
		}
	})))
	if resp, body := a.do("GET", "/"); body != "x" || len(resp.Header["Set-Cookie"]) != 0 {
		t.Errorf("%q, %v", body, resp.Header)
	}
	if n := m.Stats().Saves; n != 0 {
		t.Errorf("%d saves", n)
	}
}

func TestAPanicDropsTheChangesAndGoesOn(t *testing.T) {
	m := newManager(t, msm.Config{})
	recovered := make(chan any, 1)
	inner := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		switch r.URL.Path {
		case "/panic":
			add(s)
			panic("boom")
		case "/add":
			add(s)
		}
		fmt.Fprint(w, count.Get(s))
	}))
	a := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				recovered <- p
				w.WriteHeader(500)
			}
		}()
		inner.ServeHTTP(w, r)
	}))
	a.do("GET", "/add")
	if resp, _ := a.do("GET", "/panic"); resp.StatusCode != 500 || <-recovered != "boom" {
		t.Errorf("status %d", resp.StatusCode)
	}
	if _, body := a.do("GET", "/"); body != "1" {
		t.Errorf("counted %s; the panicking handler's change must not be stored", body)
	}
}

func TestAClientThatGoesAwayDoesNotUndoTheCommit(t *testing.T) {
	m := newManager(t, msm.Config{})
	gone, served := make(chan struct{}), make(chan struct{})
	a := serve(t, m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		switch r.URL.Path {
		case "/leave":
			defer close(served)
			add(s)
			<-gone
			<-r.Context().Done()
		case "/add":
			add(s)
		}
		fmt.Fprint(w, count.Get(s))
	})))
	a.do("GET", "/add")
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", a.URL+"/leave", nil)
	go func() {
		time.Sleep(50 * time.Millisecond)
		cancel()
		close(gone)
	}()
	if _, err := a.browser.Do(req); err == nil {
		t.Fatal("the client did not go away")
	}
	<-served
	waitFor(t, "the commit", func() bool { _, body := a.do("GET", "/"); return body == "2" })
}

func TestTimeoutHandlerAroundTheMiddleware(t *testing.T) {
	m := newManager(t, msm.Config{})
	a := serve(t, http.TimeoutHandler(m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
		}
		add(msm.From(r.Context()))
	})), 100*time.Millisecond, "too slow"))
	if resp, _ := a.do("GET", "/"); len(sessionCookies(resp)) != 1 {
		t.Errorf("headers %v", resp.Header)
	}
	if resp, body := a.do("GET", "/slow"); resp.StatusCode != 503 || body != "too slow" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
}

func TestResponseControllerReachesTheServersWriter(t *testing.T) {
	m := newManager(t, msm.Config{})
	a := serve(t, m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		for name, err := range map[string]error{
			"SetReadDeadline":  c.SetReadDeadline(time.Now().Add(time.Minute)),
			"SetWriteDeadline": c.SetWriteDeadline(time.Now().Add(time.Minute)),
			"EnableFullDuplex": c.EnableFullDuplex(),
		} {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})))
	a.do("GET", "/")
}

func TestIgnoredRequestsPassThrough(t *testing.T) {
	m := newManager(t, msm.Config{Ignore: regexp.MustCompile(`\.gif$`)})
	a := serve(t, m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		if !s.IsNew() || count.Get(s) != 0 || s.ID() != "" {
			t.Error("an ignored request sees a session")
		}
		if r.URL.RawQuery == "set" {
			add(s)
		}
		fmt.Fprint(w, "x")
	})))
	if resp, body := a.do("GET", "/a.gif"); body != "x" || len(resp.Header["Set-Cookie"]) != 0 {
		t.Errorf("%q %v", body, resp.Header)
	}
	if resp, _ := a.do("GET", "/a.gif?set"); resp.StatusCode != 503 || len(resp.Header["Set-Cookie"]) != 0 {
		t.Errorf("a change that cannot be stored was answered with %d", resp.StatusCode)
	}
	if s := m.Stats(); s.Loads+s.Saves != 0 {
		t.Errorf("%+v", s)
	}
}

func TestFromWithoutTheMiddlewareSaysWhichLineIsMissing(t *testing.T) {
	defer func() {
		if p := fmt.Sprint(recover()); !strings.Contains(p, "Middleware(handler)") {
			t.Errorf("panic says %q", p)
		}
	}()
	msm.From(t.Context())
}

func TestTwoManagersInOneApp(t *testing.T) {
	users, carts := newManager(t, msm.Config{}), newManager(t, msm.Config{Cookie: http.Cookie{Name: "CART"}})
	a := serve(t, users.Middleware(carts.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		add(users.From(r.Context()))
		add(carts.From(r.Context()))
		fmt.Fprint(w, add(msm.From(r.Context())))
	}))))
	a.do("GET", "/")
	if _, body := a.do("GET", "/"); body != "4" { // the innermost is carts
		t.Errorf("%s", body)
	}
}

// TestAFailureIsOneCleanAnswer: whatever the handler had begun to say is withheld, its headers included.
func TestAFailureIsOneCleanAnswer(t *testing.T) {
	list, servers := startServers(t, 1)
	dead := newManager(t, msm.Config{Nodes: list})
	servers["n1"].Kill()
	for name, c := range map[string]struct {
		manager *msm.Manager
		method  string
		touch   func(*msm.Session)
	}{
		"a lazy load that fails":         {dead, "GET", func(s *msm.Session) { count.Get(s) }},
		"a load before the handler":      {dead, "POST", func(*msm.Session) { t.Error("the handler runs") }},
		"a commit that fails":            {newManager(t, msm.Config{}), "GET", func(s *msm.Session) { s.Set("f", func() {}) }},
		"a commit without a node":        {dead, "GET", func(s *msm.Session) { add(s) }},
		"a logout that cannot be stored": {dead, "GET", func(s *msm.Session) { s.Destroy() }},
	} {
		for writes, write := range map[string]func(w http.ResponseWriter){
			"Write": func(w http.ResponseWriter) {
				if n, err := io.WriteString(w, "secret"); n != 0 || err == nil {
					t.Errorf("a write that is withheld answers %d, %v", n, err)
				}
				_, _ = io.WriteString(w, "more")
			},
			"Flush": func(w http.ResponseWriter) { w.(http.Flusher).Flush(); _, _ = io.WriteString(w, "secret") },
			"WriteHeader": func(w http.ResponseWriter) {
				w.WriteHeader(201)
				w.WriteHeader(202)
				_, _ = io.WriteString(w, "secret")
			},
			"ReadFrom": func(w http.ResponseWriter) { _, _ = io.Copy(w, strings.NewReader("secret")) },
			"nothing":  func(http.ResponseWriter) {},
		} {
			t.Run(name+", "+writes, func(t *testing.T) {
				a := serve(t, c.manager.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for _, h := range []string{"Content-Type", "Etag", "Content-Encoding", "Last-Modified"} {
						w.Header().Set(h, "of the handler")
					}
					w.Header().Set("X-Kept", "yes")
					c.touch(msm.From(r.Context()))
					write(w)
				})))
				req, _ := http.NewRequest(c.method, a.URL, nil)
				req.Header.Set("Cookie", "SESSION=aaaaaaaaaaaaaaaaaaaaaaaaaa-n1")
				resp, body := a.send(req)
				if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || strings.Contains(body, "secret") || strings.Contains(body, "more") {
					t.Errorf("%d %q", resp.StatusCode, body)
				}
				for h, values := range resp.Header {
					if values[0] == "of the handler" || h == "Set-Cookie" {
						t.Errorf("%s: %v", h, values)
					}
				}
				if c.method == "GET" && resp.Header.Get("X-Kept") == "" {
					t.Error("a header that says nothing of the body is gone")
				}
			})
		}
	}
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	list, servers := startServers(t, 2)
	before := runtime.NumGoroutine()
	m, err := msm.New(msm.Config{Nodes: list, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	id := begin(t, m, func(s *msm.Session) { add(s) })
	servers["n1"].Stop()
	for range 20 {
		visit(m, id, func(s *msm.Session) { add(s) })
	}
	if err := m.Close(t.Context()); err != nil {
		t.Error(err)
	}
	waitFor(t, "all goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}
