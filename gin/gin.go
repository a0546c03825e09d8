// Package msmgin is the adapter of msm for gin: it gives every request a session.
//
//	r := gin.New()
//	r.Use(gin.Recovery(), msmgin.Sessions(m))
//	r.POST("/count", func(c *gin.Context) {
//		n := visits.Update(msmgin.Session(c), func(n int) int { return n + 1 })
//		c.JSON(200, n)
//	})
//
// Install Sessions after gin.Recovery, so that a handler that panics stores nothing. If the session cannot be loaded or
// stored, msm.Config.ErrorHandler writes the response, the chain is aborted, and the error is in c.Errors.
package msmgin

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
	msm "github.com/gomsm/msm/core"
)

// Sessions returns the middleware. It gives every request behind it a session, and stores the session before the first
// byte of the response leaves. It panics if m is nil.
func Sessions(m *msm.Manager) gin.HandlerFunc {
	if m == nil {
		panic("msmgin: Sessions without a Manager: make one with msm.New")
	}
	return func(c *gin.Context) {
		x, r, err := m.Begin(c.Request, c.FullPath())
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

// Session returns the request's session. It panics if Sessions is not installed in front of the handler.
func Session(c *gin.Context) *msm.Session { return msm.From(c.Request.Context()) }

// writer is gin's ResponseWriter, except that whatever sends something goes through the session first. It stays in
// place after the handlers: nothing may follow the response to a failure.
type writer struct {
	gin.ResponseWriter
	session http.ResponseWriter
	said    bool // the status is final
}

// WriteHeader sets the status. gin holds it back until something else is sent.
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

// sender is the writer that the session writes to. A status that reaches it is final, but gin still holds it back: a
// writer there that compresses must see what is written next before the header leaves.
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
	// gin would take it for the status of the response, and send no other.
	if below, ok := s.ResponseWriter.(interface{ Unwrap() http.ResponseWriter }); ok {
		below.Unwrap().WriteHeader(status)
	}
	s.ResponseWriter.WriteHeader(http.StatusOK) // gin's default, until the handler sets another
}

func (s sender) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func informational(status int) bool {
	return status < http.StatusOK && status != http.StatusSwitchingProtocols
}
