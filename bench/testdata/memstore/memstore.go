// The Go version of this file, which is newer than that of scs's go.mod.
//go:build go1.25

// Package memstore replaces scs's package of that name when TestSCSOwnTests runs scs's tests: scs.New takes its store
// from it.
package memstore

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	msm "github.com/gomsm/msm/core"
)

// MemStore is a store of msm that remembers the tokens that it was given: scs's test of iteration wants to list them,
// which no memcached can.
type MemStore struct {
	*msm.Store
	tokens sync.Map
}

var count atomic.Int64

var manager = sync.OnceValue(func() *msm.Manager {
	m, err := msm.New(msm.Config{Nodes: os.Getenv("NODES"), OpTimeout: 10 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	return m
})

// New returns a store with keys of its own.
func New() *MemStore { return &MemStore{Store: manager().Store(fmt.Sprint(count.Add(1)))} }

// CommitCtx remembers the token.
func (m *MemStore) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	m.tokens.Store(token, nil)
	return m.Store.CommitCtx(ctx, token, b, expiry)
}

// All returns every token that it was given and that has a value.
func (m *MemStore) All() (map[string][]byte, error) {
	all := make(map[string][]byte)
	var err error
	m.tokens.Range(func(token, _ any) bool {
		var b []byte
		var found bool
		if b, found, err = m.Find(token.(string)); found {
			all[token.(string)] = b
		}
		return err == nil
	})
	return all, err
}
