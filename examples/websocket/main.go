// Command websocket counts the messages of a WebSocket in the visitor's session, on gin.
//
// The session is stored before the connection is upgraded, and its cookie travels with the 101. What a message changes is
// stored before it is answered. The connection ends with the session.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"
	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/examples/internal/demo"
	msmgin "github.com/gomsm/msm/gin"
)

var (
	connections = msm.NewKey[int]("connections")
	messages    = msm.NewKey[int]("messages")
)

func more(n int) int { return n + 1 }

func main() {
	config, err := msm.FromEnv()
	if err != nil {
		log.Fatal(err)
	}
	m, err := msm.New(config)
	if err != nil {
		log.Fatal(err)
	}
	running, end := context.WithCancel(context.Background())
	demo.Serve(m, routes(running, m), end)
}

func routes(running context.Context, m *msm.Manager) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(gin.Recovery(), msmgin.Sessions(m))
	r.GET("/", func(c *gin.Context) {
		s := msmgin.Session(c)
		c.JSON(http.StatusOK, gin.H{"connections": connections.Get(s), "messages": messages.Get(s)})
	})
	r.POST("/logout", func(c *gin.Context) { msmgin.Session(c).Destroy() })
	r.GET("/ws", func(c *gin.Context) { talk(running, c) })
	return r
}

// talk answers every message with the number of messages so far, until the client leaves, its session ends or the app
// ends.
func talk(running context.Context, c *gin.Context) {
	s := msmgin.Session(c)
	connections.Update(s, more) // a session cannot begin once the connection is upgraded
	conn, err := websocket.Accept(c.Writer, c.Request, nil)
	if err != nil {
		_ = c.Error(err)
		return
	}
	defer conn.CloseNow()
	ctx, stop := s.Watch(running) // not with the request's context: the server has handed the connection over
	defer stop()
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			return
		}
		n := messages.Update(s, more)
		if err := s.Commit(ctx); err != nil { // this also keeps the session alive
			return
		}
		if err := conn.Write(ctx, websocket.MessageText, fmt.Append(nil, n)); err != nil {
			return
		}
	}
}
