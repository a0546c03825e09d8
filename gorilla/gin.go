package msmgorilla

import (
	msm "github.com/gomsm/msm/core"
	"github.com/gorilla/sessions"
)

// GinOptions stands for gin-contrib's sessions.Options. It is an interface, so that users of other frameworks need not
// download gin.
type GinOptions interface {
	ToGorillaOptions() *sessions.Options
}

// Gin is a Store with the method Options, which gin-contrib/sessions requires as well.
type Gin[O GinOptions] struct{ *Store }

// NewGin returns a store for gin-contrib/sessions: NewGin[sessions.Options](manager, keys...). See NewStore.
func NewGin[O GinOptions](m *msm.Manager, keyPairs ...[]byte) Gin[O] {
	return Gin[O]{NewStore(m, keyPairs...)}
}

// Options replaces Store.Options as a whole: what is not set in options is off, including HttpOnly.
func (g Gin[O]) Options(options O) { g.Store.Options = options.ToGorillaOptions() }
