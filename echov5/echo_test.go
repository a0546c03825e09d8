package msmecho_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
	msmecho "github.com/gomsm/msm/echov5"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
)

func TestContract(t *testing.T) {
	msmtest.TestAdapter(t, msmtest.Framework[echo.HandlerFunc, echo.MiddlewareFunc]{
		Sessions: msmecho.Sessions,
		Line:     "msmecho.Sessions(manager)",
		Build:    build,
		Handler: func(h msmtest.Handler) echo.HandlerFunc {
			return func(c *echo.Context) error { return h(call(c)) }
		},
		Around: func(before func(msmtest.Call) bool, after func(msmtest.Call)) echo.MiddlewareFunc {
			return func(next echo.HandlerFunc) echo.HandlerFunc {
				return func(c *echo.Context) (err error) {
					if before(call(c)) {
						err = next(c)
					}
					after(call(c))
					return err
				}
			}
		},
		Recovery:    middleware.Recover,
		Compression: middleware.Gzip,
		Others: map[string]func() echo.MiddlewareFunc{
			"Gzip":                              middleware.Gzip,
			"Gzip with MinLength":               func() echo.MiddlewareFunc { return middleware.GzipWithConfig(middleware.GzipConfig{MinLength: 1000}) },
			"ContextTimeout":                    func() echo.MiddlewareFunc { return middleware.ContextTimeout(time.Hour) },
			"Recover":                           middleware.Recover,
			"one that puts its writer in place": func() echo.MiddlewareFunc { return restoring },
		},
		Answers: answers(t),
		Param:   ":id",
		Lacks: map[msmtest.Feature]string{
			msmtest.FilesByKernel: "echo's Response is no io.ReaderFrom, with or without sessions",
		},
	})
}

// restoring replaces the writer while the handler runs, as many middlewares do that measure or log.
func restoring(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		res, err := echo.UnwrapResponse(c.Response())
		if err != nil {
			return err
		}
		was := res.ResponseWriter
		res.ResponseWriter = struct{ http.ResponseWriter }{was}
		defer func() { res.ResponseWriter = was }()
		return next(c)
	}
}

func build(app msmtest.App[echo.HandlerFunc, echo.MiddlewareFunc]) http.Handler {
	e := echo.New()
	e.Logger = slog.New(slog.DiscardHandler)
	if app.OnError != nil {
		e.HTTPErrorHandler = func(c *echo.Context, err error) { app.OnError(call(c), err) }
	}
	e.Use(app.Use...)
	for _, route := range app.Routes {
		e.Add(route.Method, route.Path, route.Handler)
	}
	for _, inner := range app.Groups {
		fill(e.Group(inner.Prefix), inner)
	}
	return e
}

func fill(to *echo.Group, g msmtest.Group[echo.HandlerFunc, echo.MiddlewareFunc]) {
	to.Use(g.Use...)
	for _, route := range g.Routes {
		to.Add(route.Method, route.Path, route.Handler)
	}
	for _, inner := range g.Groups {
		fill(to.Group(inner.Prefix), inner)
	}
}

func call(c *echo.Context) msmtest.Call {
	return msmtest.Call{
		W: c.Response(), R: c.Request(),
		Session: func() *msm.Session { return msmecho.Session(c) },
		Status: func() int {
			res, err := echo.UnwrapResponse(c.Response())
			if err != nil {
				panic(err)
			}
			return res.Status
		},
	}
}

func answers(t *testing.T) map[string]msmtest.Answer[echo.HandlerFunc] {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := os.DirFS(dir)
	return map[string]msmtest.Answer[echo.HandlerFunc]{
		"JSON":           says(201, "{\"a\":1}\n", func(c *echo.Context) error { return c.JSON(201, map[string]int{"a": 1}) }),
		"JSONPretty":     says(200, "1\n", func(c *echo.Context) error { return c.JSONPretty(200, 1, " ") }),
		"String":         says(200, "x", func(c *echo.Context) error { return c.String(200, "x") }),
		"HTML":           says(200, "x", func(c *echo.Context) error { return c.HTML(200, "x") }),
		"Blob":           says(200, "x", func(c *echo.Context) error { return c.Blob(200, "text/plain", []byte("x")) }),
		"Stream":         says(200, "x", func(c *echo.Context) error { return c.Stream(200, "text/plain", strings.NewReader("x")) }),
		"File":           says(200, "content", func(c *echo.Context) error { return c.FileFS("file", files) }),
		"Redirect":       says(302, "", func(c *echo.Context) error { return c.Redirect(302, "/y") }),
		"NoContent":      says(204, "", func(c *echo.Context) error { return c.NoContent(204) }),
		"Response.Flush": says(200, "", func(c *echo.Context) error { c.Response().(http.Flusher).Flush(); return nil }),
		"an HTTPError":   says(418, "", func(c *echo.Context) error { return echo.NewHTTPError(418, "teapot") }),
		"another error":  says(500, "", func(c *echo.Context) error { return io.EOF }),
		"nothing":        says(200, "", func(c *echo.Context) error { return nil }),
	}
}

func says(status int, body string, h echo.HandlerFunc) msmtest.Answer[echo.HandlerFunc] {
	return msmtest.Answer[echo.HandlerFunc]{Status: status, Body: body, Handler: h}
}

// TestAutoHEAD checks echo v5's automatic answer to HEAD: it runs the handler of GET, and holds the header back until
// that is done.
func TestAutoHEAD(t *testing.T) {
	for name, use := range map[string]func(e *echo.Echo, sessions echo.MiddlewareFunc) *echo.Group{
		"sessions for all":     func(e *echo.Echo, sessions echo.MiddlewareFunc) *echo.Group { e.Use(sessions); return e.Group("") },
		"sessions for a route": func(e *echo.Echo, sessions echo.MiddlewareFunc) *echo.Group { return e.Group("", sessions) },
	} {
		t.Run(name, func(t *testing.T) {
			e := echo.NewWithConfig(echo.Config{Router: echo.NewRouter(echo.RouterConfig{AutoHandleHEAD: true})})
			g := use(e, msmecho.Sessions(msmtest.NewManager(t, msm.Config{})))
			g.GET("/good", func(c *echo.Context) error { visits.Set(msmecho.Session(c), 1); return c.String(201, "x") })
			g.GET("/bad", func(c *echo.Context) error {
				msmecho.Session(c).Set("f", func() {})
				return c.String(201, "x")
			})
			for path, want := range map[string]int{"/good": 201, "/bad": 500} {
				w := httptest.NewRecorder()
				e.ServeHTTP(w, httptest.NewRequest("HEAD", path, nil))
				if w.Code != want || (w.Header().Get("Set-Cookie") != "") != (want == 201) {
					t.Errorf("%s: %d %v", path, w.Code, w.Header())
				}
			}
		})
	}
}

var visits = msm.NewKey[int]("visits")

// TestABeforeHookMayChangeTheSession checks that the session is stored after the Before hooks, which echo runs when it
// sends the header.
func TestABeforeHookMayChangeTheSession(t *testing.T) {
	e := echo.New()
	e.Use(msmecho.Sessions(msmtest.NewManager(t, msm.Config{})))
	e.GET("/", func(c *echo.Context) error {
		res, err := echo.UnwrapResponse(c.Response())
		if err != nil {
			return err
		}
		res.Before(func() { visits.Set(msmecho.Session(c), 1) })
		return c.NoContent(204)
	})
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Header().Get("Set-Cookie") == "" {
		t.Errorf("%v", w.Header())
	}
}

// TestTheWriterBelowSendsFiles checks that the writer below Response is an io.ReaderFrom like the server's writer.
// Response itself is none.
func TestTheWriterBelowSendsFiles(t *testing.T) {
	e := echo.New()
	e.Use(msmecho.Sessions(msmtest.NewManager(t, msm.Config{})))
	e.GET("/", func(c *echo.Context) error {
		res, err := echo.UnwrapResponse(c.Response())
		if err != nil {
			return err
		}
		http.ServeContent(res.ResponseWriter, c.Request(), "x.txt", time.Time{}, strings.NewReader("x"))
		return nil
	})
	w := &fromReader{ResponseRecorder: httptest.NewRecorder()}
	e.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Body.String() != "x" || !w.used {
		t.Errorf("%q, ReadFrom: %v", w.Body, w.used)
	}
}

type fromReader struct {
	*httptest.ResponseRecorder
	used bool
}

func (w *fromReader) ReadFrom(r io.Reader) (int64, error) {
	w.used = true
	return w.Body.ReadFrom(r)
}

func TestSkipper(t *testing.T) {
	m := msmtest.NewManager(t, msm.Config{})
	e := echo.New()
	e.Use(msmecho.SessionsWithConfig(msmecho.Config{
		Manager: m, Skipper: func(c *echo.Context) bool { return c.Request().Header.Get("X-Robot") != "" },
	}))
	e.GET("/", func(c *echo.Context) error { visits.Set(msmecho.Session(c), 1); return nil }, func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			defer func() { _ = recover() }() // a request that is skipped has no session
			return next(c)
		}
	})
	for robot, saves := range map[string]uint64{"yes": 0, "": 1} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Robot", robot)
		before := m.Stats().Saves
		e.ServeHTTP(httptest.NewRecorder(), r)
		if got := m.Stats().Saves - before; got != saves {
			t.Errorf("robot %q: %d saves; want %d", robot, got, saves)
		}
	}
}

func Example() {
	m, err := msm.New(msm.Config{}) // Nodes: "n1:cache1:11211,n2:cache2:11211" keeps sessions in memcached
	if err != nil {
		panic(err)
	}
	defer m.Close(context.Background())

	e := echo.New()
	e.Use(middleware.Recover(), msmecho.Sessions(m))
	e.POST("/", func(c *echo.Context) error {
		n := visits.Update(msmecho.Session(c), func(n int) int { return n + 1 })
		return c.JSON(200, n)
	})

	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 200 1
}
