package examples

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"

	coder "github.com/coder/websocket"
	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	gobwas "github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	msmchi "github.com/gomsm/msm/chi"
	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
	msmecho "github.com/gomsm/msm/echo"
	msmecho5 "github.com/gomsm/msm/echov5"
	msmgin "github.com/gomsm/msm/gin"
	gorilla "github.com/gorilla/websocket"
	"github.com/labstack/echo/v4"
	echo5 "github.com/labstack/echo/v5"
	xnet "golang.org/x/net/websocket"
)

// upgraders greet the client, each with another library for WebSockets. They close the connection when they are done.
var upgraders = map[string]func(w http.ResponseWriter, r *http.Request) error{
	"coder/websocket": func(w http.ResponseWriter, r *http.Request) error {
		conn, err := coder.Accept(w, r, nil)
		if err != nil {
			return err
		}
		return errors.Join(conn.Write(r.Context(), coder.MessageText, []byte("hello")), conn.CloseNow())
	},
	"gorilla/websocket":                 func(w http.ResponseWriter, r *http.Request) error { return byGorilla(w, r, nil) },
	"gorilla/websocket with the header": func(w http.ResponseWriter, r *http.Request) error { return byGorilla(w, r, w.Header()) },
	"gobwas/ws": func(w http.ResponseWriter, r *http.Request) error {
		conn, _, _, err := gobwas.UpgradeHTTP(r, w)
		if err != nil {
			return err
		}
		return errors.Join(wsutil.WriteServerText(conn, []byte("hello")), conn.Close())
	},
	"x/net/websocket": func(w http.ResponseWriter, r *http.Request) (err error) {
		xnet.Server{Handler: func(conn *xnet.Conn) { _, err = io.WriteString(conn, "hello") }}.ServeHTTP(w, r)
		return err
	},
}

func byGorilla(w http.ResponseWriter, r *http.Request, h http.Header) error {
	conn, err := (&gorilla.Upgrader{}).Upgrade(w, r, h)
	if err != nil {
		return err
	}
	return errors.Join(conn.WriteMessage(gorilla.TextMessage, []byte("hello")), conn.Close())
}

// visitorName is the attribute that a connection sets.
var visitorName = msm.NewKey[string]("name")

// socketApps are apps that change the session and then upgrade to a WebSocket.
var socketApps = map[string]func(m *msm.Manager, socket func(w http.ResponseWriter, r *http.Request) error) http.Handler{
	"net/http": func(m *msm.Manager, socket func(w http.ResponseWriter, r *http.Request) error) http.Handler {
		return m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = socket(w, r) }))
	},
	"chi": func(m *msm.Manager, socket func(w http.ResponseWriter, r *http.Request) error) http.Handler {
		c := chi.NewRouter()
		c.Use(msmchi.Sessions(m))
		c.Get("/", func(w http.ResponseWriter, r *http.Request) { _ = socket(w, r) })
		return c
	},
	"gin": func(m *msm.Manager, socket func(w http.ResponseWriter, r *http.Request) error) http.Handler {
		gin.SetMode(gin.ReleaseMode)
		g := gin.New()
		g.Use(msmgin.Sessions(m))
		g.GET("/", func(c *gin.Context) { _ = socket(c.Writer, c.Request) })
		return g
	},
	"echo v4": func(m *msm.Manager, socket func(w http.ResponseWriter, r *http.Request) error) http.Handler {
		e := echo.New()
		e.Use(msmecho.Sessions(m))
		e.GET("/", func(c echo.Context) error { return socket(c.Response(), c.Request()) })
		return e
	},
	"echo v5": func(m *msm.Manager, socket func(w http.ResponseWriter, r *http.Request) error) http.Handler {
		e := echo5.New()
		e.Use(msmecho5.Sessions(m))
		e.GET("/", func(c *echo5.Context) error { return socket(c.Response(), c.Request()) })
		return e
	},
}

// TestTheCookieTravelsWithThe101 checks that the 101 carries the cookie of a session that begins and of one that is
// renewed, with each library on each framework.
func TestTheCookieTravelsWithThe101(t *testing.T) {
	t.Parallel()
	for framework, app := range socketApps {
		for library, upgrade := range upgraders {
			for mode, config := range map[string]msm.Config{"": {}, ", sticky": {Sticky: true}} {
				t.Run(library+" on "+framework+mode, func(t *testing.T) {
					var seen string
					server := httptest.NewServer(app(msmtest.NewManager(t, config), func(w http.ResponseWriter, r *http.Request) error {
						s := msm.From(r.Context())
						seen = visitorName.Get(s)
						if r.URL.Query().Has("look") {
							return nil
						}
						visitorName.Set(s, "ann")
						if err := s.Renew(); err != nil {
							t.Error(err)
						}
						return upgrade(w, r)
					}))
					defer server.Close()
					jar, _ := cookiejar.New(nil)
					browser := &http.Client{Jar: jar}
					for connection := range 2 {
						dialOnce(t, server.URL, browser)
						resp, err := browser.Get(server.URL + "/?look")
						if err != nil {
							t.Fatal(err)
						}
						_ = resp.Body.Close()
						if seen != "ann" {
							t.Errorf("after connection %d the session has %q", connection+1, seen)
						}
					}
				})
			}
		}
	}
}

// dialOnce opens a WebSocket, reads the greeting, and checks that the 101 sets one cookie.
func dialOnce(t *testing.T, url string, browser *http.Client) {
	t.Helper()
	dialer := gorilla.Dialer{Jar: browser.Jar}
	conn, resp, err := dialer.DialContext(t.Context(), strings.Replace(url, "http", "ws", 1), http.Header{"Origin": {url}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, text, err := conn.ReadMessage(); err != nil || string(text) != "hello" {
		t.Errorf("%q, %v", text, err)
	}
	if lines := resp.Header.Values("Set-Cookie"); len(lines) != 1 {
		t.Error(fmt.Sprintf("%d cookies: ", len(lines)), lines)
	}
}
