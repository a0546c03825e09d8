// Command gin is the example app on gin.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/examples/internal/demo"
	msmgin "github.com/gomsm/msm/gin"
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
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(gin.Recovery(), msmgin.Sessions(m))
	r.GET("/", showPage)
	r.GET("/session", showSession)
	r.GET("/count", showCount)
	r.POST("/count", addToCount)
	r.GET("/attributes/:name", getAttribute)
	r.PUT("/attributes/:name", putAttribute)
	r.DELETE("/attributes/:name", deleteAttribute)
	r.GET("/slow", countSlowly)
	r.POST("/slow", setSlowly)
	r.POST("/login", login)
	r.POST("/logout", logout)
	r.GET("/events", events)
	r.GET("/plain", plain)
	r.GET("/pixel.gif", pixel)
	r.GET("/healthz", func(c *gin.Context) { demo.Health(c.Writer, m) })
	return r
}

func showPage(c *gin.Context) {
	s := msmgin.Session(c)
	demo.Render(c.Writer, demo.Page{
		Instance: "gin " + s.Route(), Node: s.Node(), Known: !s.IsNew(), Count: count.Get(s), User: user.Get(s),
	})
}

func showSession(c *gin.Context) {
	s := msmgin.Session(c)
	c.JSON(http.StatusOK, map[string]any{
		"id": s.ID(), "new": s.IsNew(), "node": s.Node(), "route": s.Route(), "attributes": append([]string{}, s.Keys()...),
	})
}

func showCount(c *gin.Context) {
	s := msmgin.Session(c)
	answerCount(c, s, count.Get(s))
}

func addToCount(c *gin.Context) {
	s := msmgin.Session(c)
	answerCount(c, s, count.Update(s, func(n int) int { return n + 1 }))
}

func answerCount(c *gin.Context, s *msm.Session, n int) {
	c.JSON(http.StatusOK, map[string]any{"count": n, "node": s.Node(), "route": s.Route()})
}

func getAttribute(c *gin.Context) {
	value, ok, err := msm.Lookup[string](msmgin.Session(c), c.Param("name"))
	if err != nil || !ok {
		c.Status(http.StatusNotFound)
		return
	}
	demo.Text(c.Writer, value)
}

func putAttribute(c *gin.Context) {
	value, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, 1<<20))
	if err != nil {
		_ = c.AbortWithError(http.StatusBadRequest, err)
		return
	}
	msmgin.Session(c).Set(c.Param("name"), string(value))
	c.Status(http.StatusNoContent)
}

func deleteAttribute(c *gin.Context) {
	msmgin.Session(c).Delete(c.Param("name"))
	c.Status(http.StatusNoContent)
}

func countSlowly(c *gin.Context) {
	s := msmgin.Session(c)
	n := count.Get(s)
	demo.Sleep(c.Request.Context(), demo.Millis(c.Query("ms")))
	answerCount(c, s, n)
}

func setSlowly(c *gin.Context) {
	s := msmgin.Session(c)
	name, value, ok := strings.Cut(c.Query("set"), "=")
	if !ok {
		c.String(http.StatusBadRequest, "set must be NAME=VALUE")
		return
	}
	demo.Sleep(c.Request.Context(), demo.Millis(c.Query("ms")))
	s.Set(name, value)
	c.Status(http.StatusNoContent)
}

// login gives the session a new id, so that an id that was planted before is worth nothing.
func login(c *gin.Context) {
	s := msmgin.Session(c)
	if err := s.Renew(); err != nil {
		_ = c.AbortWithError(http.StatusInternalServerError, err)
		return
	}
	user.Set(s, c.Query("user"))
	c.JSON(http.StatusOK, map[string]string{"id": s.ID()})
}

func logout(c *gin.Context) {
	msmgin.Session(c).Destroy()
	c.Status(http.StatusNoContent)
}

// events streams. It sets its attribute before the first event leaves, because the session is stored then.
func events(c *gin.Context) {
	streamed.Set(msmgin.Session(c), true)
	c.Header("Content-Type", "text/event-stream")
	for i := 1; i <= 3 && c.Request.Context().Err() == nil; i++ {
		fmt.Fprintf(c.Writer, "data: %d\n\n", i)
		if err := http.NewResponseController(c.Writer).Flush(); err != nil {
			return
		}
		demo.Sleep(c.Request.Context(), 50*time.Millisecond)
	}
}

func plain(c *gin.Context) { c.String(http.StatusOK, "ok") }

func pixel(c *gin.Context) { c.Data(http.StatusOK, "image/gif", demo.Pixel) }
