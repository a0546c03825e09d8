// Package msmecho is the adapter of msm for echo: it gives every request a session.
//
//	e := echo.New()
//	e.Use(middleware.Recover(), msmecho.Sessions(m))
//	e.POST("/count", func(c echo.Context) error {
//		n := visits.Update(msmecho.Session(c), func(n int) int { return n + 1 })
//		return c.JSON(200, n)
//	})
//
// Install Sessions after middleware.Recover, so that a handler that panics stores nothing. If the session cannot be
// loaded or stored, msm.Config.ErrorHandler writes the response. HTTPErrorHandler gets the error as well, but what it
// writes is dropped: the response is Committed. The middleware then returns nil, because an outer middleware that still
// answers a returned error, as Timeout and Gzip of echo v4 do, would drop the response or append a second one.
package msmecho

import (
	"io"
	"net/http"

	msm "github.com/gomsm/msm/core"
	"github.com/labstack/echo/v4"
)

// Config holds the settings of SessionsWithConfig.
type Config struct {
	// Manager keeps the sessions. SessionsWithConfig panics if it is nil.
	Manager *msm.Manager
	// Skipper reports whether a request gets no session, for rules that need more than the path (which
	// msm.Config.Ignore matches). Session panics in such a request. Nil: no request is skipped.
	Skipper func(c echo.Context) bool
}

// Sessions returns the middleware. It gives every request behind it a session, and stores the session before the first
// byte of the response leaves. It panics if m is nil.
func Sessions(m *msm.Manager) echo.MiddlewareFunc { return SessionsWithConfig(Config{Manager: m}) }

// SessionsWithConfig is Sessions with more settings.
func SessionsWithConfig(config Config) echo.MiddlewareFunc {
	if config.Manager == nil {
		panic("msmecho: Config.Manager is not set: make one with msm.New")
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if config.Skipper != nil && config.Skipper(c) {
				return next(c)
			}
			x, r, err := config.Manager.Begin(c.Request(), c.Path())
			defer x.End()
			res := c.Response()
			c.SetRequest(r)
			res.Writer = x.Writer(sender{res.Writer, res})
			if err == nil {
				err = next(c)
			}
			if failed := x.Finish(); failed != nil {
				c.Error(failed) // it calls HTTPErrorHandler, whose output is dropped
				return nil
			}
			return err
		}
	}
}

// Session returns the request's session. It panics if Sessions is not installed in front of the handler.
func Session(c echo.Context) *msm.Session { return msm.From(c.Request().Context()) }

// sender is the writer below echo's Response. It sets the Response's status, because the response to a failure does not
// come from the handler. It stays in place after the handler: nothing may follow that response.
type sender struct {
	http.ResponseWriter
	response *echo.Response
}

func (s sender) WriteHeader(status int) {
	s.response.Status, s.response.Committed = status, true
	s.ResponseWriter.WriteHeader(status)
}

func (s sender) ReadFrom(r io.Reader) (int64, error) { return io.Copy(s.ResponseWriter, r) }

func (s sender) Unwrap() http.ResponseWriter { return s.ResponseWriter }
