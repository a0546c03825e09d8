package msm

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestMoments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, now := newMoments(100), time.Now()
		m.put("a", now.Add(time.Second))
		if !m.ahead("a") || m.ahead("b") {
			t.Error("ahead until the moment comes")
		}
		time.Sleep(time.Second)
		if m.ahead("a") {
			t.Error("it has come")
		}
		m.put("a", now.Add(time.Hour))
		if !m.ahead("a") {
			t.Error("the newer moment counts")
		}
		for i := range 100 {
			m.put(fmt.Sprint(i), now)
		}
		if !m.ahead("a") {
			t.Error("forgotten although it is of the older generation")
		}
		for i := range 100_000 {
			m.put(fmt.Sprint("flood", i), now)
		}
		if n := len(m.young) + len(m.old); n > 200 {
			t.Errorf("%d moments are remembered; the bound is 200", n)
		}
		if m.ahead("a") {
			t.Error("remembered for ever")
		}
	})
}
