package msm_test

import (
	"testing"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/transcoder"
)

func TestRollingDeployToAnotherTranscoder(t *testing.T) {
	t.Parallel()
	list, _ := startServers(t, 2)
	before := newManager(t, msm.Config{Nodes: list, Transcoder: transcoder.Gob()})
	after := newManager(t, msm.Config{Nodes: list, ReadTranscoders: []transcoder.Transcoder{transcoder.Gob()}})
	rash := newManager(t, msm.Config{Nodes: list})
	id := begin(t, before, func(s *msm.Session) { s.Set("a", 1) })
	visit(after, id, func(s *msm.Session) {
		if msm.Get[int](s, "a") != 1 {
			t.Error("not readable")
		}
		s.Set("b", 2)
	})
	if resp := visit(rash, id, func(s *msm.Session) {}); resp.StatusCode != 500 || len(resp.Header["Set-Cookie"]) > 0 {
		t.Errorf("an instance that cannot read it answers %d %v", resp.StatusCode, resp.Header)
	}
	visit(before, id, func(s *msm.Session) {
		if msm.Get[int](s, "b") != 2 {
			t.Error("the old instance cannot read what the new one stored")
		}
	})
}
