package memcache_test

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
)

func TestMemoryForgetsOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client{t, memcache.NewMemory(memcache.MemoryOptions{}), ""}
		c.want(c.add("a", "x", time.Hour), nil)
		time.Sleep(time.Hour - time.Nanosecond)
		c.get("a")
		time.Sleep(time.Nanosecond)
		c.missing("a")
	})
}

func TestMemoryIsBounded(t *testing.T) {
	c := client{t, memcache.NewMemory(memcache.MemoryOptions{MaxBytes: 10_000}), ""}
	c.want(c.add("used", "x", 0), nil)
	for i := range 1000 {
		c.want(c.add(fmt.Sprint(i), string(bytes.Repeat([]byte("x"), 100)), 0), nil)
		c.get("used")
	}
	c.missing("0")
}

// TestAFloodDrivesOutItself: T-05. What nobody asks for again leaves before what somebody uses, however long ago; it has an
// eighth of the memory at least. Each eviction is told, but none of what has expired.
func TestAFloodDrivesOutItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		evicted := 0
		m := memcache.NewMemory(memcache.MemoryOptions{MaxBytes: 80_000, Evicted: func() { evicted++ }})
		value := string(bytes.Repeat([]byte("x"), 900))
		c := client{t, m, ""}
		for i := range 60 {
			c.want(c.add(fmt.Sprint("used", i), value, 0), nil)
			c.get(fmt.Sprint("used", i))
		}
		c.want(c.add("over", value, time.Second), nil)
		time.Sleep(time.Second)
		for i := range 1000 {
			c.want(c.add(fmt.Sprint("flood", i), value, 0), nil)
		}
		if c = (client{t, m.Clone(), ""}); evicted == 0 || evicted > 990 {
			t.Errorf("%d were evicted", evicted)
		}
		for i := range 60 {
			c.get(fmt.Sprint("used", i))
		}
		for i := range 1000 - evicted {
			c.get(fmt.Sprint("flood", 999-i))
		}
		for i := range 60 {
			c.want(c.add(fmt.Sprint("more", i), value, 0), nil)
			c.get(fmt.Sprint("more", i))
		}
		c.missing("used0")
		for i := range 10 {
			c.get(fmt.Sprint("more", 59-i))
		}
	})
}
