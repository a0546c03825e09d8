package msmgorilla_test

import (
	"testing"

	"github.com/gorilla/sessions"

	msm "github.com/gomsm/msm/core"
	msmgorilla "github.com/gomsm/msm/gorilla"
)

// ginOptions has the shape of gin-contrib's options.
type ginOptions struct{ MaxAge int }

func (o ginOptions) ToGorillaOptions() *sessions.Options { return &sessions.Options{MaxAge: o.MaxAge} }

func TestGin(t *testing.T) {
	g := msmgorilla.NewGin[ginOptions](newManager(t, msm.Config{}), key)
	var store interface {
		sessions.Store
		Options(ginOptions)
	} = g
	store.Options(ginOptions{MaxAge: 7})
	v := &visitor{g.Store, nil, t}
	if c := v.do(put(1)); c.MaxAge != 7 || c.HttpOnly {
		t.Errorf("%+v", c)
	}
	v.want(1)
}
