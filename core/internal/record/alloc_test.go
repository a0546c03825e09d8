package record

import "testing"

// TestAllocations limits allocations: a whole request that reads a session has a budget of 25.
func TestAllocations(t *testing.T) {
	r := typical()
	b := r.Append(nil)
	buffer := make([]byte, 0, r.Size())
	tests := map[string]struct {
		most float64
		run  func()
	}{
		"decoding":                        {6, func() { sink, _ = Decode(b) }},
		"encoding into a new buffer":      {1, func() { bytesSink = r.Append(make([]byte, 0, r.Size())) }},
		"encoding into one that is there": {0, func() { bytesSink = r.Append(buffer) }},
		"asking for the size":             {0, func() { r.Size() }},
		"reading an attribute":            {0, func() { r.Get("attribute7") }},
		"asking for a write":              {0, func() { r.HasWrite(9) }},
		"asking for expiry and TTL":       {0, func() { r.Expired(now); r.TTL(now) }},
		"decoding, to add a write after":  {6, func() { sink, _ = Decode(b); sink.AddWrite(1, now); sink.AddRequest(1, now) }},
		"cloning":                         {5, func() { sink = r.Clone() }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := testing.AllocsPerRun(200, test.run); got > test.most {
				t.Errorf("%v allocations, at most %v", got, test.most)
			}
		})
	}
}

var (
	sink      *Record
	bytesSink []byte
)

func BenchmarkDecode(b *testing.B) {
	stored := typical().Append(nil)
	b.SetBytes(int64(len(stored)))
	b.ReportAllocs()
	for b.Loop() {
		sink, _ = Decode(stored)
	}
}

func BenchmarkAppend(b *testing.B) {
	r := typical()
	buffer := make([]byte, 0, r.Size())
	b.SetBytes(int64(r.Size()))
	b.ReportAllocs()
	for b.Loop() {
		bytesSink = r.Append(buffer)
	}
}

func BenchmarkClone(b *testing.B) {
	r := typical()
	b.ReportAllocs()
	for b.Loop() {
		sink = r.Clone()
	}
}
