package bench

import (
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/bradfitz/gomemcache/memcache"
	gsm "github.com/bradleypeabody/gorilla-sessions-memcache"
	ginsessions "github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/memcached"
	"github.com/gin-gonic/gin"
	msm "github.com/gomsm/msm/core"
	msmgorilla "github.com/gomsm/msm/gorilla"
	"github.com/gorilla/sessions"
)

// peer is one way to keep sessions.
type peer struct {
	name string
	app  func(b *testing.B) http.Handler
}

// peers keep their sessions on one memcached process, the same for all, except those whose name says that they have two
// nodes.
func peers(addr, second string) []peer {
	two := "n1:" + addr + ",n2:" + second
	on := func(app func(*msm.Manager) http.Handler, c msm.Config) func(*testing.B) http.Handler {
		return func(b *testing.B) http.Handler { return app(newManager(b, c)) }
	}
	one := msm.Config{Nodes: addr}
	return []peer{
		{"msm", on(msmPeer, one)},
		{"msm-2nodes", on(msmPeer, msm.Config{Nodes: two})},
		{"scs+memcached", func(*testing.B) http.Handler { return scsPeer(plain{memcache.New(addr)}) }},
		{"scs+msm", on(scsOnMSM, one)},
		{"scs+msm-2nodes", on(scsOnMSM, msm.Config{Nodes: two})},
		{"gorilla+memcached", func(*testing.B) http.Handler {
			return gorillaPeer(gsm.NewMemcacheStore(memcache.New(addr), "gsm:", secret))
		}},
		{"gorilla+msm", on(gorillaOnMSM, one)},
		{"gorilla+msm-2nodes", on(gorillaOnMSM, msm.Config{Nodes: two})},
		{"gin-contrib+memcached", func(*testing.B) http.Handler {
			return ginPeer(memcached.NewStore(memcache.New(addr), "gin:", secret))
		}},
		{"gin-contrib+msm", on(ginOnMSM, one)},
	}
}

func scsOnMSM(m *msm.Manager) http.Handler     { return scsPeer(m.Store("scs")) }
func gorillaOnMSM(m *msm.Manager) http.Handler { return gorillaPeer(msmgorilla.NewStore(m, secret)) }
func ginOnMSM(m *msm.Manager) http.Handler {
	return ginPeer(msmgorilla.NewGin[ginsessions.Options](m, secret))
}

// attributes is how many attributes the session has: ten texts of 40 bytes.
const attributes = 10

var counter atomic.Int64

func text() string {
	s := strconv.FormatInt(counter.Add(1), 10)
	return "0123456789012345678901234567890123456789"[:40-len(s)] + s
}

// use is what the handler does: POST /fill sets every attribute, POST / sets one, and GET / reads one.
func use(r *http.Request, get func(name string) string, set func(name, value string)) error {
	switch {
	case r.URL.Path == "/fill":
		for i := range attributes {
			set("attribute"+strconv.Itoa(i), text())
		}
	case r.Method == http.MethodPost:
		set("attribute0", text())
	case len(get("attribute0")) != 40:
		return errors.New("the attribute is lost")
	}
	return nil
}

func msmPeer(m *msm.Manager) http.Handler {
	return m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		answer(w, use(r, func(name string) string { return msm.Get[string](s, name) },
			func(name, value string) { s.Set(name, value) }))
	}))
}

func scsPeer(store scs.Store) http.Handler {
	s := scs.New()
	s.Store, s.Cookie.Name = store, cookieName
	return s.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(w, use(r, func(name string) string { return s.GetString(r.Context(), name) },
			func(name, value string) { s.Put(r.Context(), name, value) }))
	}))
}

func gorillaPeer(store sessions.Store) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := store.Get(r, cookieName)
		if err == nil {
			err = use(r, func(name string) string { v, _ := s.Values[name].(string); return v },
				func(name, value string) { s.Values[name] = value })
		}
		if err == nil && r.Method == http.MethodPost {
			err = s.Save(r, w)
		}
		answer(w, err)
	})
}

func ginPeer(store ginsessions.Store) http.Handler {
	e := gin.New()
	e.Use(ginsessions.Sessions(cookieName, store))
	handle := func(c *gin.Context) {
		s := ginsessions.Default(c)
		err := use(c.Request, func(name string) string { v, _ := s.Get(name).(string); return v },
			func(name, value string) { s.Set(name, value) })
		answer(c.Writer, errors.Join(err, s.Save()))
	}
	e.GET("/", handle)
	e.POST("/", handle)
	e.POST("/fill", handle)
	return e
}

// plain is a minimal scs store on memcached. scs itself has had none since its version 2.
type plain struct{ client *memcache.Client }

func (p plain) Find(token string) ([]byte, bool, error) {
	item, err := p.client.Get("scs:" + token)
	if errors.Is(err, memcache.ErrCacheMiss) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return item.Value, true, nil
}

func (p plain) Commit(token string, b []byte, expiry time.Time) error {
	return p.client.Set(&memcache.Item{Key: "scs:" + token, Value: b, Expiration: int32(time.Until(expiry) / time.Second)})
}

func (p plain) Delete(token string) error {
	err := p.client.Delete("scs:" + token)
	if errors.Is(err, memcache.ErrCacheMiss) {
		return nil
	}
	return err
}
