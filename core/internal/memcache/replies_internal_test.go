package memcache

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRepliesOfAnySize: T-13, A4. No memory is allocated for a length that no value has, whoever says it: before, 40 bytes
// that announce 4 GiB ended the process. What does not belong to an answer is never shown, since it may be a part of a
// value, and errors are logged.
func TestRepliesOfAnySize(t *testing.T) {
	longest := strings.Repeat("x", maxValue)
	for name, c := range map[string]struct {
		says string
		ok   bool
	}{
		"a value":                          {"VALUE a 0 1 1\r\nx\r\nEND\r\n", true},
		"the longest value":                {"VALUE a 0 " + strconv.Itoa(maxValue) + " 1\r\n" + longest + "\r\nEND\r\n", true},
		"a value that looks like a header": {"VALUE a 0 24 1\r\nVALUE a 0 4294967295 1\r\n\r\nEND\r\n", true},
		"a byte more":                      {"VALUE a 0 " + strconv.Itoa(maxValue+1) + " 1\r\n", false},
		"4 GiB":                            {"VALUE a 0 4294967295 1\r\n", false},
		"more digits than fit":             {"VALUE a 0 99999999999999999999999999 1\r\n", false},
		"4 GiB of another key":             {"VALUE b 0 4294967295 1\r\n", false},
		"4 GiB after a value":              {"VALUE a 0 1 1\r\nx\r\nVALUE b 0 4294967295 1\r\n", false},
		"a negative length":                {"VALUE a 0 -1 1\r\nsecret\r\nEND\r\n", false},
		"a key without end":                {"VALUE " + strings.Repeat("k", 1<<16), false},
		"a line without end":               {strings.Repeat("secret", 1<<14), false},
		"what belongs to another answer":   {"user=ann card=secret\r\nEND\r\n", false},
		"a value without its end":          {"VALUE a 0 6 1\r\nsecretsecret\r\nEND\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := answered(t, c.says)
			if c.ok != (err == nil) || c.ok && len(got.Value) == 0 {
				t.Errorf("%d bytes, %v", len(got.Value), err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows what the server has said: %v", err)
			}
		})
	}
}

// answered returns what Get makes of what a server says. It fails the test if that takes much memory.
func answered(t *testing.T, says string) (Item, error) {
	t.Helper()
	m := NewMemcached("n1:11211", ClientOptions{Timeout: 10 * time.Second, DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			if _, err := bufio.NewReader(far).ReadString('\n'); err == nil {
				_, _ = io.WriteString(far, says)
			}
		}()
		return near, nil
	}})
	defer m.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	item, err := m.Get(t.Context(), "a")
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 3*maxValue {
		t.Errorf("%d bytes allocated", used)
	}
	return item, err
}

// FuzzReplies checks that what a server sends is judged alike, however it is cut into pieces, and that no value passes
// that is too long.
func FuzzReplies(f *testing.F) {
	for _, says := range []string{"VALUE a 0 1 1\r\nx\r\nEND\r\n", "VALUE a 0 4294967295 1\r\n", "STORED\r\n", "VALUE a 0 -1\r\n", "VALUE \n\n"} {
		f.Add([]byte(says), uint8(3))
	}
	f.Fuzz(func(t *testing.T, says []byte, size uint8) {
		var whole, cut replies
		want := whole.check(says)
		var got error
		for rest := says; len(rest) > 0 && got == nil; {
			n := min(int(size)+1, len(rest))
			got, rest = cut.check(rest[:n]), rest[n:]
		}
		if !errors.Is(got, want) {
			t.Errorf("at once: %v; in pieces of %d: %v", want, size+1, got)
		}
		if whole.rest > maxValue+2 || cut.rest > maxValue+2 {
			t.Errorf("%d bytes are to come", whole.rest)
		}
	})
}
