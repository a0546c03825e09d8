package recent

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, now := NewTimes(100), time.Now()
		m.Put("a", now.Add(time.Second))
		if !m.Ahead("a") || m.Ahead("b") {
			t.Error("ahead until the time comes")
		}
		time.Sleep(time.Second)
		if m.Ahead("a") {
			t.Error("it has come")
		}
		m.Put("a", now.Add(time.Hour))
		if !m.Ahead("a") {
			t.Error("the newer time counts")
		}
		for i := range 100 {
			m.Put(fmt.Sprint(i), now)
		}
		if !m.Ahead("a") {
			t.Error("forgotten although it is of the older generation")
		}
		for i := range 100_000 {
			m.Put(fmt.Sprint("flood", i), now)
		}
		if n := len(m.of.young) + len(m.of.old); n > 200 {
			t.Errorf("%d times are remembered; the bound is 200", n)
		}
		if m.Ahead("a") {
			t.Error("remembered for ever")
		}
		if !m.Of("a").IsZero() || m.Of("flood99999") != time.Unix(0, now.UnixNano()) {
			t.Errorf("the times are %v and %v", m.Of("a"), m.Of("flood99999"))
		}
	})
}

// TestPass: of those who come at the same time one passes; the next one when the time is over.
func TestPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewTimes(100)
		for range 3 {
			var passed atomic.Int32
			for range 5 {
				go func() {
					if m.Pass("a", time.Now().Add(time.Second)) {
						passed.Add(1)
					}
				}()
			}
			synctest.Wait()
			if n := passed.Load(); n != 1 {
				t.Errorf("%d passed", n)
			}
			time.Sleep(time.Second)
		}
	})
}
