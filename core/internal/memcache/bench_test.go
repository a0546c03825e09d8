package memcache_test

import (
	"testing"
	"time"

	gomemcache "github.com/bradfitz/gomemcache/memcache"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/msmtest"
)

// BenchmarkGet gets 500 bytes with bare gomemcache and with this package. Compare the two results of the same run.
func BenchmarkGet(b *testing.B) {
	addr := msmtest.StartServer(b).Addr()
	bare := gomemcache.New(addr)
	bare.MaxIdleConns = 64
	if err := bare.Set(&gomemcache.Item{Key: "a", Value: make([]byte, 500)}); err != nil {
		b.Fatal(err)
	}
	ours := memcache.NewMemcached(addr, memcache.ClientOptions{Timeout: 5 * time.Second})
	gets := map[string]func() error{
		"bare": func() error { _, err := bare.Get("a"); return err },
		"ours": func() error { _, err := ours.Get(b.Context(), "a"); return err },
	}
	for name, get := range gets {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := get(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+" in parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := get(); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
