package transcoder_test

import (
	"testing"
	"time"

	"github.com/gomsm/msm/transcoder"
)

type user struct {
	ID    int64
	Name  string
	Email string
	Roles []string
	Since time.Time
	Admin bool
}

var (
	smallInt   = 42
	shortText  = "a string of forty bytes, as tokens have."
	someUser   = user{123456, "Zoë Müller", "zoe@example.com", []string{"editor", "reviewer"}, time.Unix(1.7e9, 0).UTC(), true}
	benchmarks = []struct {
		name  string
		value any
		fresh func() any
	}{
		{"int", smallInt, func() any { return new(int) }},
		{"string40", shortText, func() any { return new(string) }},
		{"struct", someUser, func() any { return new(user) }},
	}
)

func BenchmarkMarshal(b *testing.B) {
	for _, tc := range all() {
		for _, bm := range benchmarks {
			b.Run(tc.Name()+"/"+bm.name, func(b *testing.B) { benchmarkMarshal(b, tc, bm.value) })
		}
	}
}

func benchmarkMarshal(b *testing.B, tc transcoder.Transcoder, v any) {
	b.ReportAllocs()
	var data []byte
	for b.Loop() {
		var err error
		if data, err = tc.Marshal(v); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(data)), "bytes")
}

func BenchmarkUnmarshal(b *testing.B) {
	for _, tc := range all() {
		for _, bm := range benchmarks {
			b.Run(tc.Name()+"/"+bm.name, func(b *testing.B) { benchmarkUnmarshal(b, tc, bm.value, bm.fresh) })
		}
	}
}

func benchmarkUnmarshal(b *testing.B, tc transcoder.Transcoder, v any, fresh func() any) {
	data, err := tc.Marshal(v)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := tc.Unmarshal(data, fresh()); err != nil {
			b.Fatal(err)
		}
	}
}
