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
		w := &writer{ResponseWriter: c.Writer}
		w.session = x.Writer(sender{c.Writer, w})
		c.Request, c.Writer = r, w
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
	said    bool // the status is the last word
}

// WriteHeader sets the status, which gin holds back until something is sent.
func (w *writer) WriteHeader(status int) {
	if !w.said {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *writer) WriteHeaderNow() {
	status := w.Status()
	if w.session.WriteHeader(status); !informational(status) {
		w.ResponseWriter.WriteHeaderNow()
	}
}

func (w *writer) Write(p []byte) (int, error)       { return w.session.Write(p) }
func (w *writer) WriteString(s string) (int, error) { return io.WriteString(w.session, s) }
func (w *writer) Flush()                            { _ = w.FlushError() }
func (w *writer) FlushError() error                 { return http.NewResponseController(w.session).Flush() }
func (w *writer) Unwrap() http.ResponseWriter       { return w.session }
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.session).Hijack()
}

// sender is the writer below, where a status is final, but held back by gin as well: a compression there has to see what
// comes with it before the header leaves.
type sender struct {
	gin.ResponseWriter
	of *writer
}

func (s sender) WriteHeader(status int) {
	if !informational(status) {
		s.ResponseWriter.WriteHeader(status)
		s.of.said = true
		return
	}
	// gin would take it for the answer's, and send no other.
	if below, ok := s.ResponseWriter.(interface{ Unwrap() http.ResponseWriter }); ok {
		below.Unwrap().WriteHeader(status)
	}
	s.ResponseWriter.WriteHeader(http.StatusOK) // gin's own, until the handler says another
}

func (s sender) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func informational(status int) bool {
	return status < http.StatusOK && status != http.StatusSwitchingProtocols
}
