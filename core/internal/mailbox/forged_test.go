package mailbox_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/seal"
)

// keyed returns how instances with that key write, of which the clock stands at that time.
func keyed(t *testing.T, prefix string, letter byte, now, from, plainUntil time.Time) mailbox.Mail {
	t.Helper()
	ring, err := seal.NewRing([][]byte{bytes.Repeat([]byte{letter}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	p := seal.NewPolicy(from, plainUntil)
	p.Use(ring)
	return mailbox.Mail{KeyPrefix: prefix, Seals: p, Clock: func() time.Time { return now }}
}

// TestForgedMessages: T-07. With keys only what an instance wrote is received, and only from the mailbox for which it wrote
// that. The rest is counted, and does not stay.
func TestForgedMessages(t *testing.T) {
	never := time.Time{}
	for name, c := range map[string]struct {
		by       mailbox.Mail
		until    time.Time // messages without a tag are received
		received bool
	}{
		"by an instance":                     {keyed(t, "msm:", 'k', begin, never, never), never, true},
		"by one without keys":                {mail, never, false},
		"by one without keys, in a deploy":   {mail, begin.Add(time.Minute), true},
		"by one whose keys do not count yet": {keyed(t, "msm:", 'k', begin, begin.Add(time.Minute), never), begin.Add(time.Minute), true},
		"with another key":                   {keyed(t, "msm:", 'x', begin, never, never), never, false},
		"with another key, in a deploy":      {keyed(t, "msm:", 'x', begin, never, never), begin.Add(time.Minute), false},
		"to another application's instances": {keyed(t, "app:", 'k', begin, never, never), never, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, refused := newWorld(t, 1), 0
			w.inbox = mailbox.NewInbox(&w.receiver, keyed(t, "msm:", 'k', begin, never, c.until), "")
			w.inbox.OnRefused = func(n int) { refused += n }
			elsewhere := newWorld(t, 1)
			if err := c.by.Post(t.Context(), elsewhere.nodes[0], "", about(1, begin)); err != nil {
				t.Fatal(err)
			}
			value := elsewhere.servers[0].Value(mailbox.Key(c.by.KeyPrefix, ""))
			if err := w.servers[0].Memory().Add(t.Context(), key, memcache.Item{Value: value}, time.Hour); err != nil {
				t.Fatal(err)
			}
			w.read()
			w.read()
			if got := len(w.receiver.list); (got == 1) != c.received || (refused == 1) == c.received {
				t.Errorf("%d received, %d refused", got, refused)
			}
		})
	}
}

// TestForgedMessagesDoNotStay: T-07. Who fills a mailbox with messages that nobody wrote keeps no other from being read, and
// they go when it is tidied up, whatever time they name.
func TestForgedMessagesDoNotStay(t *testing.T) {
	w := newWorld(t, 1)
	ours := keyed(t, "msm:", 'k', begin, time.Time{}, time.Time{})
	w.inbox = mailbox.NewInbox(&w.receiver, ours, "")
	var forged []mailbox.Message
	for i := range 10_000 {
		forged = append(forged, about(i, begin.Add(1000*time.Hour)))
	}
	if err := mail.Post(t.Context(), w.nodes[0], "", forged...); err != nil {
		t.Fatal(err)
	}
	if err := ours.Post(t.Context(), w.nodes[0], "", about(1, begin)); err != nil {
		t.Fatal(err)
	}
	w.read()
	if len(w.receiver.list) != 1 {
		t.Errorf("%d are received", len(w.receiver.list))
	}
	if n := len(w.servers[0].Value(key)) / size; n != 1 {
		t.Errorf("%d are left", n)
	}
}

// BenchmarkForged reads a mailbox of 1 MB in which nothing was written by an instance, for each message.
func BenchmarkForged(b *testing.B) {
	ring, err := seal.NewRing([][]byte{make([]byte, 32)})
	if err != nil {
		b.Fatal(err)
	}
	p := seal.NewPolicy(time.Time{}, time.Time{})
	p.Use(ring)
	text := make([]byte, size)
	b.ReportAllocs()
	for b.Loop() {
		if p.Accepts(key, text, seal.Tag{1}, begin) {
			b.Fatal("it is accepted")
		}
	}
}
