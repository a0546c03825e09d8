package bench

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	ginsessions "github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
	"github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/gofiber/fiber/v3/middleware/session"
	msm "github.com/gomsm/msm/core"
	msmgorilla "github.com/gomsm/msm/gorilla"
	"github.com/gorilla/sessions"
	echosession "github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"
)

// life is how long the sessions of every app live. memcached takes a number larger than that of 30 days for a date.
const life = 40 * 24 * time.Hour

// cookieName is the name of the cookie of every app.
const cookieName = "s"

var secret = []byte("0123456789abcdef0123456789abcdef")

func init() {
	gin.SetMode(gin.ReleaseMode)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // gin-contrib logs there
}

// apps are the same app on several libraries, written as their documentation says: POST /?v=x keeps x in the session,
// GET / shows it, POST /logout ends the session.
var apps = map[string]func(m *msm.Manager) http.Handler{
	"scs":          scsApp,
	"gorilla":      gorillaApp,
	"gin-contrib":  ginApp,
	"echo-contrib": echoApp,
	"fiber":        fiberApp,
}

func scsApp(m *msm.Manager) http.Handler {
	s := scs.New()
	s.Store, s.Lifetime, s.Cookie.Name = m.Store("scs"), life, cookieName
	return scsOn(s)
}

func scsOn(s *scs.SessionManager) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, s.GetString(r.Context(), "v"))
	})
	mux.HandleFunc("POST /", func(_ http.ResponseWriter, r *http.Request) {
		s.Put(r.Context(), "v", r.FormValue("v"))
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		answer(w, s.Destroy(r.Context()))
	})
	return s.LoadAndSave(mux)
}

func gorillaApp(m *msm.Manager) http.Handler {
	store := msmgorilla.NewStore(m, secret)
	store.Options.MaxAge = int(life / time.Second)
	handle := func(do func(w http.ResponseWriter, r *http.Request, s *sessions.Session)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			s, err := store.Get(r, cookieName)
			if err != nil {
				answer(w, err)
				return
			}
			do(w, r, s)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", handle(func(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		v, _ := s.Values["v"].(string)
		fmt.Fprint(w, v)
	}))
	mux.HandleFunc("POST /", handle(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		s.Values["v"] = r.FormValue("v")
		answer(w, s.Save(r, w))
	}))
	mux.HandleFunc("POST /logout", handle(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		s.Options.MaxAge = -1
		answer(w, s.Save(r, w))
	}))
	return mux
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

func ginApp(m *msm.Manager) http.Handler {
	store := msmgorilla.NewGin[ginsessions.Options](m, secret)
	store.Options(ginsessions.Options{Path: "/", MaxAge: int(life / time.Second), HttpOnly: true})
	return ginOn(store)
}

func ginOn(store ginsessions.Store) http.Handler {
	r := gin.New()
	r.Use(ginsessions.Sessions(cookieName, store))
	r.GET("/", func(c *gin.Context) {
		v, _ := ginsessions.Default(c).Get("v").(string)
		c.String(http.StatusOK, v)
	})
	r.POST("/", func(c *gin.Context) {
		s := ginsessions.Default(c)
		s.Set("v", c.Query("v"))
		answer(c.Writer, s.Save())
	})
	r.POST("/logout", func(c *gin.Context) {
		s := ginsessions.Default(c)
		s.Options(ginsessions.Options{Path: "/", MaxAge: -1})
		answer(c.Writer, s.Save())
	})
	return r
}

func echoApp(m *msm.Manager) http.Handler {
	store := msmgorilla.NewStore(m, secret)
	store.Options.MaxAge = int(life / time.Second)
	e := echo.New()
	e.Use(echosession.Middleware(store))
	e.GET("/", func(c echo.Context) error {
		s, err := echosession.Get(cookieName, c)
		if err != nil {
			return err
		}
		v, _ := s.Values["v"].(string)
		return c.String(http.StatusOK, v)
	})
	save := func(change func(c echo.Context, s *sessions.Session)) echo.HandlerFunc {
		return func(c echo.Context) error {
			s, err := echosession.Get(cookieName, c)
			if err != nil {
				return err
			}
			change(c, s)
			if err := s.Save(c.Request(), c.Response()); err != nil {
				return err
			}
			return c.NoContent(http.StatusOK)
		}
	}
	e.POST("/", save(func(c echo.Context, s *sessions.Session) { s.Values["v"] = c.QueryParam("v") }))
	e.POST("/logout", save(func(_ echo.Context, s *sessions.Session) { s.Options.MaxAge = -1 }))
	return e
}

func fiberApp(m *msm.Manager) http.Handler {
	app := fiber.New()
	app.Use(recover.New()) // the middleware of sessions panics if the storage fails
	app.Use(session.New(session.Config{Storage: m.Store("fiber").Final(), IdleTimeout: life, Extractor: extractor}))
	app.Get("/", func(c fiber.Ctx) error {
		v, _ := session.FromContext(c).Get("v").(string)
		return c.SendString(v)
	})
	app.Post("/", func(c fiber.Ctx) error {
		session.FromContext(c).Set("v", c.Query("v"))
		return nil
	})
	app.Post("/logout", func(c fiber.Ctx) error { return session.FromContext(c).Destroy() })
	return adaptor.FiberApp(app)
}
