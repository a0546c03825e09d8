package msmgorilla

import (
	msm "github.com/gomsm/msm/core"
	"github.com/gorilla/sessions"
)

// GinOptions is what gin-contrib's sessions.Options can do. It is named by that, so that who uses another framework
// need not download gin.
type GinOptions interface {
	ToGorillaOptions() *sessions.Options
}

// Gin is a Store with the method that gin-contrib/sessions asks for besides.
type Gin[O GinOptions] struct{ *Store }

// NewGin makes a store for gin-contrib/sessions: NewGin[sessions.Options](manager, keys...). See NewStore.
func NewGin[O GinOptions](m *msm.Manager, keyPairs ...[]byte) Gin[O] {
	return Gin[O]{NewStore(m, keyPairs...)}
}

// Options replaces Store.Options as a whole: what is not set is off, HttpOnly too.
func (g Gin[O]) Options(options O) { g.Store.Options = options.ToGorillaOptions() }
