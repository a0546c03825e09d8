package msmgin_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/gin-gonic/gin"
	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
	msmgin "github.com/gomsm/msm/gin"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	os.Exit(m.Run())
}

func TestContract(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	msmtest.TestAdapter(t, msmtest.Framework[gin.HandlerFunc, gin.HandlerFunc]{
		Sessions: msmgin.Sessions,
		Line:     "msmgin.Sessions(manager)",
		Build:    build,
		Handler: func(h msmtest.Handler) gin.HandlerFunc {
			return func(c *gin.Context) {
				if err := h(call(c)); err != nil {
					_ = c.Error(err)
				}
			}
		},
		Around: func(before func(msmtest.Call) bool, after func(msmtest.Call)) gin.HandlerFunc {
			return func(c *gin.Context) {
				if before(call(c)) {
					c.Next()
				} else {
					c.Abort()
				}
				after(call(c))
			}
		},
		Recovery:    func() gin.HandlerFunc { return gin.RecoveryWithWriter(io.Discard) },
		Compression: compression,
		Others:      others,
		Answers:     answers(file),
		Param:       ":id",
		Lacks: map[msmtest.Feature]string{
			msmtest.FilesByKernel: "gin's ResponseWriter is no io.ReaderFrom, with or without sessions",
		},
	})
}

// gin has no compression of its own and hardly any other middleware. The folder examples/gincontrib runs the same
// contract with the middleware of gin-contrib.
var (
	compression = func() gin.HandlerFunc { return compress }
	others      = map[string]func() gin.HandlerFunc{
		"Recovery": func() gin.HandlerFunc { return gin.RecoveryWithWriter(io.Discard) },
	}
)

func build(app msmtest.App[gin.HandlerFunc, gin.HandlerFunc]) http.Handler {
	r := gin.New()
	if app.OnError != nil {
		r.Use(func(c *gin.Context) { // as in gin's documentation
			c.Next()
			if len(c.Errors) > 0 {
				app.OnError(call(c), c.Errors.Last().Err)
			}
		})
	}
	fill(r, app.Group)
	return r
}

func fill(r gin.IRouter, g msmtest.Group[gin.HandlerFunc, gin.HandlerFunc]) {
	r.Use(g.Use...)
	for _, route := range g.Routes {
		r.Handle(route.Method, route.Path, route.Handler)
	}
	for _, inner := range g.Groups {
		fill(r.Group(inner.Prefix), inner)
	}
}

func call(c *gin.Context) msmtest.Call {
	return msmtest.Call{
		W: c.Writer, R: c.Request,
		Session: func() *msm.Session { return msmgin.Session(c) },
		Status:  func() int { return c.Writer.Status() },
	}
}

func answers(file string) map[string]msmtest.Answer[gin.HandlerFunc] {
	return map[string]msmtest.Answer[gin.HandlerFunc]{
		"JSON":           says(201, `{"a":1}`, func(c *gin.Context) { c.JSON(201, gin.H{"a": 1}) }),
		"JSON with 204":  says(204, "", func(c *gin.Context) { c.JSON(204, nil) }),
		"String":         says(200, "x", func(c *gin.Context) { c.String(200, "x") }),
		"Data":           says(200, "x", func(c *gin.Context) { c.Data(200, "text/plain", []byte("x")) }),
		"File":           says(200, "content", func(c *gin.Context) { c.File(file) }),
		"FileAttachment": says(200, "content", func(c *gin.Context) { c.FileAttachment(file, "name") }),
		"Redirect":       says(302, "", func(c *gin.Context) { c.Redirect(302, "/y") }),
		"Status":         says(202, "", func(c *gin.Context) { c.Status(202) }),
		"Status and then String": says(203, "x", func(c *gin.Context) {
			c.Status(202)
			c.String(203, "x")
		}),
		"WriteHeaderNow": says(202, "", func(c *gin.Context) {
			c.Status(202)
			c.Writer.WriteHeaderNow()
		}),
		"Writer.WriteString": says(200, "x", func(c *gin.Context) { _, _ = c.Writer.WriteString("x") }),
		"Stream": says(200, "xxx", func(c *gin.Context) {
			n := 0
			c.Stream(func(w io.Writer) bool { _, _ = io.WriteString(w, "x"); n++; return n < 3 })
		}),
		"SSEvent":             says(200, "event:e\ndata:1\n\n", func(c *gin.Context) { c.SSEvent("e", 1) }),
		"AbortWithStatus":     says(403, "", func(c *gin.Context) { c.AbortWithStatus(403) }),
		"AbortWithStatusJSON": says(403, `"no"`, func(c *gin.Context) { c.AbortWithStatusJSON(403, "no") }),
		"AbortWithError":      says(400, "", func(c *gin.Context) { _ = c.AbortWithError(400, io.EOF) }),
		"nothing":             says(200, "", func(*gin.Context) {}),
	}
}

func says(status int, body string, h gin.HandlerFunc) msmtest.Answer[gin.HandlerFunc] {
	return msmtest.Answer[gin.HandlerFunc]{Status: status, Body: body, Handler: h}
}

// compress is a middleware like gin-contrib's gzip, because gin has none of its own.
func compress(c *gin.Context) {
	z := gzip.NewWriter(c.Writer)
	c.Header("Content-Encoding", "gzip")
	c.Writer = &zipWriter{c.Writer, z}
	defer func() {
		if c.Writer.Size() < 0 {
			z.Reset(io.Discard)
			c.Header("Content-Encoding", "")
		}
		_ = z.Close()
	}()
	c.Next()
}

type zipWriter struct {
	gin.ResponseWriter
	z *gzip.Writer
}

func (w *zipWriter) Write(p []byte) (int, error)       { return w.z.Write(p) }
func (w *zipWriter) WriteString(s string) (int, error) { return w.z.Write([]byte(s)) }
func (w *zipWriter) Flush() {
	_ = w.z.Flush()
	w.ResponseWriter.Flush()
}

// TestPusherAndCloseNotify checks that the methods of gin's writer that do not concern the session still work.
func TestPusherAndCloseNotify(t *testing.T) {
	r := gin.New()
	r.Use(msmgin.Sessions(msmtest.NewManager(t, msm.Config{})))
	r.GET("/", func(c *gin.Context) { c.String(200, "%v %v", c.Writer.Pusher() != nil, c.Writer.CloseNotify() != nil) })
	_, body := getByTLS(t, r, true)
	if body != "true true" {
		t.Errorf("%q", body)
	}
}

// TestBehindTheMiddlewareOfNetHTTP runs gin inside Manager.Middleware. gin calls more methods of its writer than Write,
// and panics if they are missing.
func TestBehindTheMiddlewareOfNetHTTP(t *testing.T) {
	m := msmtest.NewManager(t, msm.Config{})
	r := gin.New()
	r.GET("/", func(c *gin.Context) {
		visits.Set(msmgin.Session(c), 1)
		c.Stream(func(w io.Writer) bool { _, _ = io.WriteString(w, "x"); return false })
	})
	for _, http2 := range []bool{false, true} {
		resp, body := getByTLS(t, m.Middleware(r), http2)
		if body != "x" || len(resp.Cookies()) != 1 {
			t.Errorf("HTTP/%d: %q, %v", resp.ProtoMajor, body, resp.Cookies())
		}
	}
}

// getByTLS requests "/" from a server over TLS, with HTTP/2 or HTTP/1.
func getByTLS(t *testing.T, h http.Handler, http2 bool) (resp *http.Response, body string) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = http2
	server.StartTLS()
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp, string(text)
}

var visits = msm.NewKey[int]("visits")

func Example() {
	gin.SetMode(gin.ReleaseMode)
	m, err := msm.New(msm.Config{}) // Nodes: "n1:cache1:11211,n2:cache2:11211" keeps sessions in memcached
	if err != nil {
		panic(err)
	}
	defer m.Close(context.Background())

	r := gin.New()
	r.Use(gin.Recovery(), msmgin.Sessions(m))
	r.POST("/", func(c *gin.Context) {
		n := visits.Update(msmgin.Session(c), func(n int) int { return n + 1 })
		c.JSON(200, n)
	})

	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 200 1
}

// TestACopy checks that a copy of the context still has the session after the handler has returned, when gin has given
// the context itself to another request.
func TestACopy(t *testing.T) {
	m, count := msmtest.NewManager(t, msm.Config{}), msm.NewKey[int]("count")
	r := gin.New()
	r.Use(msmgin.Sessions(m))
	r.POST("/", func(c *gin.Context) { count.Set(msmgin.Session(c), 1) })
	seen := make(chan int)
	r.GET("/", func(c *gin.Context) {
		of, over := c.Copy(), c.Request.Context().Done()
		go func() {
			<-over
			seen <- count.Get(msmgin.Session(of))
		}()
	})
	begun := httptest.NewRecorder()
	r.ServeHTTP(begun, httptest.NewRequest("POST", "/", nil))
	ctx, cancel := context.WithCancel(t.Context())
	request := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	request.AddCookie(begun.Result().Cookies()[0])
	r.ServeHTTP(httptest.NewRecorder(), request)
	cancel() // as net/http does
	if n := <-seen; n != 1 {
		t.Errorf("the copy reads %d", n)
	}
}
