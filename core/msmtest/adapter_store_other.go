//go:build !unix

package msmtest

import (
	"testing"

	msm "github.com/gomsm/msm/core"
)

type deadStore struct {
	manager *msm.Manager
	cookie  string
}

func newDeadStore(*testing.T) func(*testing.T) deadStore {
	return func(t *testing.T) deadStore {
		t.Skip("the processes that fail are killed in the way of unix")
		return deadStore{}
	}
}

func dyingStore(t *testing.T, _ msm.Config) (*msm.Manager, func()) {
	t.Skip("the processes that fail are killed in the way of unix")
	return nil, nil
}
