// Command echo is the example app on echo.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"regexp"
	"strings"
	"time"

	msm "github.com/gomsm/msm/core"
	msmecho "github.com/gomsm/msm/echo"
	"github.com/gomsm/msm/examples/internal/demo"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// The attributes of a session, each with its name and type.
var (
	count    = msm.NewKey[int]("count")
	user     = msm.NewKey[string]("user")
	streamed = msm.NewKey[bool]("streamed")
)

func main() {
	config, err := msm.FromEnv()
	if err != nil {
		log.Fatal(err)
	}
	if config.Ignore == nil {
		config.Ignore = regexp.MustCompile(`^/pixel\.gif$`) // public, and its handler needs no session
	}
	m, err := msm.New(config)
	if err != nil {
		log.Fatal(err)
	}
	demo.Serve(m, routes(m))
}

func routes(m *msm.Manager) http.Handler {
	e := echo.New()
	e.Use(middleware.Recover(), msmecho.Sessions(m))
	e.GET("/", showPage)
	e.GET("/session", showSession)
	e.GET("/count", showCount)
	e.POST("/count", addToCount)
	e.GET("/attributes/:name", getAttribute)
	e.PUT("/attributes/:name", putAttribute)
	e.DELETE("/attributes/:name", deleteAttribute)
	e.GET("/slow", countSlowly)
	e.POST("/slow", setSlowly)
	e.POST("/login", login)
	e.POST("/logout", logout)
	e.GET("/events", events)
	e.GET("/plain", plain)
	e.GET("/pixel.gif", pixel)
	e.GET("/healthz", func(c echo.Context) error { demo.Health(c.Response(), m); return nil })
	return e
}

func showPage(c echo.Context) error {
	s := msmecho.Session(c)
	demo.Render(c.Response(), demo.Page{
		Instance: "echo " + s.Route(), Node: s.Node(), Known: !s.IsNew(), Count: count.Get(s), User: user.Get(s),
	})
	return nil
}

func showSession(c echo.Context) error {
	s := msmecho.Session(c)
	return c.JSON(http.StatusOK, map[string]any{
		"id": s.ID(), "new": s.IsNew(), "node": s.Node(), "route": s.Route(), "attributes": append([]string{}, s.Keys()...),
	})
}

func showCount(c echo.Context) error {
	s := msmecho.Session(c)
	return answerCount(c, s, count.Get(s))
}

func addToCount(c echo.Context) error {
	s := msmecho.Session(c)
	return answerCount(c, s, count.Update(s, func(n int) int { return n + 1 }))
}

func answerCount(c echo.Context, s *msm.Session, n int) error {
	return c.JSON(http.StatusOK, map[string]any{"count": n, "node": s.Node(), "route": s.Route()})
}

func getAttribute(c echo.Context) error {
	value, ok, err := msm.Lookup[string](msmecho.Session(c), c.Param("name"))
	if err != nil || !ok {
		return echo.ErrNotFound
	}
	demo.Text(c.Response(), value)
	return nil
}

func putAttribute(c echo.Context) error {
	value, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, 1<<20))
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	msmecho.Session(c).Set(c.Param("name"), string(value))
	return c.NoContent(http.StatusNoContent)
}

func deleteAttribute(c echo.Context) error {
	msmecho.Session(c).Delete(c.Param("name"))
	return c.NoContent(http.StatusNoContent)
}

func countSlowly(c echo.Context) error {
	s := msmecho.Session(c)
	n := count.Get(s)
	demo.Sleep(c.Request().Context(), demo.Millis(c.QueryParam("ms")))
	return answerCount(c, s, n)
}

func setSlowly(c echo.Context) error {
	s := msmecho.Session(c)
	name, value, ok := strings.Cut(c.QueryParam("set"), "=")
	if !ok {
		return echo.NewHTTPError(http.StatusBadRequest, "set must be NAME=VALUE")
	}
	demo.Sleep(c.Request().Context(), demo.Millis(c.QueryParam("ms")))
	s.Set(name, value)
	return c.NoContent(http.StatusNoContent)
}

// login gives the session a new id, so that an id that was planted before is worth nothing.
func login(c echo.Context) error {
	s := msmecho.Session(c)
	if err := s.Renew(); err != nil {
		return err
	}
	user.Set(s, c.QueryParam("user"))
	return c.JSON(http.StatusOK, map[string]string{"id": s.ID()})
}

func logout(c echo.Context) error {
	msmecho.Session(c).Destroy()
	return c.NoContent(http.StatusNoContent)
}

// events streams. It sets its attribute before the first event leaves, because the session is stored then.
func events(c echo.Context) error {
	streamed.Set(msmecho.Session(c), true)
	c.Response().Header().Set("Content-Type", "text/event-stream")
	for i := 1; i <= 3 && c.Request().Context().Err() == nil; i++ {
		fmt.Fprintf(c.Response(), "data: %d\n\n", i)
		if err := http.NewResponseController(c.Response()).Flush(); err != nil {
			return err
		}
		demo.Sleep(c.Request().Context(), 50*time.Millisecond)
	}
	return nil
}

func plain(c echo.Context) error { return c.String(http.StatusOK, "ok") }

func pixel(c echo.Context) error { return c.Blob(http.StatusOK, "image/gif", demo.Pixel) }
