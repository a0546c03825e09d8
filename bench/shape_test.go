package bench

import (
	"github.com/alexedwards/scs/v2"
	ginsessions "github.com/gin-contrib/sessions"
	fiber2 "github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v3"
	msm "github.com/gomsm/msm/core"
	msmgorilla "github.com/gomsm/msm/gorilla"
	"github.com/gorilla/sessions"
)

// These types have the methods that the libraries ask for. msm.Store has those of several, and imports none of them.
var (
	_ scs.Store      = (*msm.Store)(nil)
	_ scs.CtxStore   = (*msm.Store)(nil)
	_ fiber.Storage  = (*msm.Store)(nil)
	_ fiber2.Storage = (*msm.Store)(nil)

	_ sessions.Store    = (*msmgorilla.Store)(nil)
	_ ginsessions.Store = msmgorilla.Gin[ginsessions.Options]{}
)
