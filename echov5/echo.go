// Package msmecho gives echo v5's handlers a session.
//
//	e := echo.New()
//	e.Use(middleware.Recover(), msmecho.Sessions(m))
//	e.POST("/count", func(c *echo.Context) error {
//		n := visits.Update(msmecho.Session(c), func(n int) int { return n + 1 })
//		return c.JSON(200, n)
//	})
//
// Put it behind middleware.Recover, so that a handler that panics stores nothing. If the session cannot be loaded or
// stored, msm.Config's ErrorHandler answers, and HTTPErrorHandler gets the error, as that of a response which is Committed:
// what it writes is withheld. Nothing is returned then, for a middleware further out that takes a returned error for one
// that is still to be answered would drop the answer or have another one appended.
package msmecho

import (
	"io"
	"net/http"

	msm "github.com/gomsm/msm/core"
	"github.com/labstack/echo/v5"
)

// Config says more about the middleware than Sessions does.
type Config struct {
	// Manager keeps the sessions. Without one SessionsWithConfig panics.
	Manager *msm.Manager
	// Skipper tells which requests pass by without a session, by more than the path (for which msm.Config has Ignore).
	// Session panics for them. Nil: none.
	Skipper func(c *echo.Context) bool
}

// Sessions is the middleware: it gives every request behind it its session, and stores that before the first byte of the
// answer leaves.
func Sessions(m *msm.Manager) echo.MiddlewareFunc { return SessionsWithConfig(Config{Manager: m}) }

// SessionsWithConfig is Sessions with more to say.
func SessionsWithConfig(config Config) echo.MiddlewareFunc {
	if config.Manager == nil {
		panic("msmecho: Config.Manager is not set: make one with msm.New")
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			if config.Skipper != nil && config.Skipper(c) {
				return next(c)
			}
			res, err := echo.UnwrapResponse(c.Response())
			if err != nil {
				return err
			}
			x, r, err := config.Manager.BeginRoute(c.Request(), c.Path())
			defer x.End()
			c.SetRequest(r)
			res.ResponseWriter = x.Writer(sender{res.ResponseWriter, res})
			if err == nil {
				err = next(c)
			}
			if failed := x.Finish(); failed != nil {
				c.Echo().HTTPErrorHandler(c, failed) // while what it writes is withheld
				return nil
			}
			return err
		}
	}
}

// Session answers the request's session. It panics if Sessions is missing in front of the handler.
func Session(c *echo.Context) *msm.Session { return msm.From(c.Request().Context()) }

// sender is the writer below echo's Response, and tells that what is sent: the answer to a failure is not the handler's.
// It stays in place when the handler is done: nothing must follow that answer.
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
