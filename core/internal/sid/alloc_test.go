package sid

import (
	"strings"
	"testing"
)

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops things on purpose under the race detector")
	}
	signed, unsigned := newFormat(t, "MSESSION", key('c'), key('o')), newFormat(t, "MSESSION")
	id, other := signed.New("n1", "t1"), unsigned.New("n1", "t1")
	text, plainText := signed.Spell(id), unsigned.Spell(other)
	forged, malformed, longPrefix := strings.Repeat("a", signedLength)+"-n1.t1", text+".", strings.Repeat("p", 200)
	var valid bool
	tests := map[string]struct {
		most float64
		run  func()
	}{
		"parsing a signed id":     {0, func() { signed.Parse(text) }},
		"parsing an unsigned id":  {0, func() { unsigned.Parse(plainText) }},
		"refusing a forged id":    {0, func() { signed.Parse(forged) }},
		"refusing a malformed id": {0, func() { signed.Parse(malformed) }},
		"making a key":            {1, func() { sink = Key("shop:", Record, id.Token) }},
		"a key with long prefix":  {1, func() { sink = Key(longPrefix, Record, id.Token) }},
		"writing a signed id":     {1, func() { sink = signed.Spell(id) }},
		"writing an unsigned id":  {1, func() { sink = unsigned.Spell(id) }},
		"checking a node's name":  {0, func() { valid = ValidNode("n1") }},
		"checking a route's name": {0, func() { valid = ValidRoute("shop-1") }},
		"making an id":            {2, func() { sink = signed.New("n1", "t1").Token }},
	}
	_ = valid
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := testing.AllocsPerRun(200, test.run); got > test.most {
				t.Errorf("%v allocations, at most %v", got, test.most)
			}
		})
	}
}

var sink string

func BenchmarkParse(b *testing.B) {
	signed := newFormat(b, "MSESSION", key('c'))
	rotated := newFormat(b, "MSESSION", key('1'), key('2'), key('3'), key('4'))
	for name, run := range map[string]struct {
		format *Format
		text   string
	}{
		"signed ok":        {signed, signed.Spell(signed.New("n1", "t1"))},
		"signed forged":    {signed, strings.Repeat("a", signedLength) + "-n1.t1"},
		"signed malformed": {signed, strings.Repeat("a", signedLength) + "-n1.t1."},
		"four keys forged": {rotated, strings.Repeat("a", signedLength) + "-n1.t1"},
		"unsigned":         {newFormat(b, "MSESSION"), plain + "-n1.t1"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run.format.Parse(run.text)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	f := newFormat(b, "MSESSION", key('c'))
	b.ReportAllocs()
	for b.Loop() {
		f.New("n1", "t1")
	}
}

func BenchmarkKey(b *testing.B) {
	token := newFormat(b, "MSESSION", key('c')).New("", "").Token
	b.ReportAllocs()
	for b.Loop() {
		sink = Key("shop:", Record, token)
	}
}
