// Package msmgin gives gin's handlers a session.
//
//	r := gin.New()
//	r.Use(gin.Recovery(), msmgin.Sessions(m))
//	r.POST("/count", func(c *gin.Context) {
//		n := visits.Update(msmgin.Session(c), func(n int) int { return n + 1 })
//		c.JSON(200, n)
//	})
//
// Put it behind gin.Recovery, so that a handler that panics stores nothing. If the session cannot be loaded or stored,
// Config.ErrorHandler answers, the chain is aborted, and the error is in c.Errors.
package msmgin

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
	msm "github.com/gomsm/msm/core"
)

// Sessions is the middleware: it gives every request behind it its session, and stores that before the first byte of the
// answer leaves. It panics without a Manager.
func Sessions(m *msm.Manager) gin.HandlerFunc {
	if m == nil {
		panic("msmgin: Sessions without a Manager: make one with msm.New")
	}
	return func(c *gin.Context) {
		x, r, err := m.BeginRoute(c.Request, c.FullPath())
		defer x.End()
		c.Request, c.Writer = r, &writer{c.Writer, x.Writer(sender{c.Writer})}
		if err == nil {
			c.Next()
		}
		if err := x.Finish(); err != nil {
			_ = c.Error(err)
			c.Abort()
		}
	}
}

// Session answers the request's session. It panics if Sessions is missing in front of the handler.
func Session(c *gin.Context) *msm.Session { return msm.From(c.Request.Context()) }

// writer is gin's, but what sends goes by way of the session. It stays in place when the handlers are done: nothing must
// follow the answer to a failure.
type writer struct {
	gin.ResponseWriter
	session http.ResponseWriter
}

// WriteHeaderNow, and not WriteHeader: gin holds the status back until something is sent.
func (w *writer) WriteHeaderNow()                   { w.session.WriteHeader(w.Status()) }
func (w *writer) Write(p []byte) (int, error)       { return w.session.Write(p) }
func (w *writer) WriteString(s string) (int, error) { return io.WriteString(w.session, s) }
func (w *writer) Flush()                            { _ = w.FlushError() }
func (w *writer) FlushError() error                 { return http.NewResponseController(w.session).Flush() }
func (w *writer) Unwrap() http.ResponseWriter       { return w.session }
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.session).Hijack()
}

// sender is gin's writer as net/http's behave: WriteHeader sends.
type sender struct{ gin.ResponseWriter }

func (s sender) WriteHeader(status int) {
	below, ok := s.ResponseWriter.(interface{ Unwrap() http.ResponseWriter })
	if ok && status < http.StatusOK && status != http.StatusSwitchingProtocols {
		below.Unwrap().WriteHeader(status)          // gin would take it for the answer's, and send no other
		s.ResponseWriter.WriteHeader(http.StatusOK) // gin's own, until the handler says another
		return
	}
	s.ResponseWriter.WriteHeader(status)
	s.WriteHeaderNow()
}

func (s sender) Unwrap() http.ResponseWriter { return s.ResponseWriter }
