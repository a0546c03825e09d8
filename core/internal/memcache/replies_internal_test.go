package memcache

import (
	"bufio"
	"context"
	"errors"
	"net"
	"runtime"
	"slices"
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
		"values without end":               {strings.Repeat("VALUE a 0 6 1\r\nsecret\r\n", 1<<18), false},
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

// TestMoreThanAnAnswer: T-02. What a server says after its answer would pass for the answer to the next command. Nothing of it counts,
// and the connection is not used again.
func TestMoreThanAnAnswer(t *testing.T) {
	for name, says := range map[string]string{
		"a miss, and a write": "END\r\nSTORED\r\n", "a value, and a miss": "VALUE a 0 1 1\r\nx\r\nEND\r\nEND\r\n",
		"a miss, and a byte": "END\r\nE", "a value, and a value": "VALUE a 0 1 1\r\nx\r\nEND\r\nVALUE b 0 1 1\r\ny\r\nEND\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if item, err := answered(t, says); !errors.Is(err, errSurplus) {
				t.Errorf("%q, %v", item.Value, err)
			}
		})
	}
}

// answered returns what Get makes of what a server says. It fails the test if that takes much memory.
func answered(t *testing.T, says string) (item Item, err error) {
	t.Helper()
	m := NewMemcached("n1:11211", ClientOptions{Timeout: 10 * time.Second, DialContext: saying([]byte(says), len(says))})
	defer m.Close()
	frugal(t, func() { item, err = m.Get(t.Context(), "a") })
	return item, err
}

// saying returns a dial to a server that says that to a command, in pieces of that size, and hangs up.
func saying(what []byte, size int) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			in := bufio.NewReader(far)
			line, err := in.ReadString('\n')
			if words := strings.Fields(line); err == nil && len(words) > 4 { // a value follows
				_, err = in.ReadString('\n')
			}
			for piece := range slices.Chunk(what, max(size, 1)) {
				if err == nil {
					_, err = far.Write(piece)
				}
			}
		}()
		return near, nil
	}
}

// frugal fails the test if f allocates much more than a command may bring: gomemcache needs some 80 bytes for each value.
func frugal(t *testing.T, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 8*maxReply {
		t.Errorf("%d bytes allocated", used)
	}
}

// FuzzReplies: T-13. Whatever a server says, and in whatever pieces: it costs little memory, no value is longer than
// what was sent, none belongs to another key, and nothing counts as stored unless the server says so.
func FuzzReplies(f *testing.F) {
	for _, says := range []string{
		"VALUE a 0 1 1\r\nx\r\nEND\r\n", "VALUE a 0 4294967295 1\r\n", "VALUE a 0 1 1\r\nx\r\nVALUE b 0 0 2\r\n\r\nEND\r\n", "VALUE a 0 -1\r\n",
		"VALUE \n\n", "STORED\r\n", "NOT_STORED\r\n", "EXISTS\r\n", "NOT_FOUND\r\n", "ERROR\r\n", "SERVER_ERROR object too large for cache\r\n", "END\r\n", "",
	} {
		for op := range byte(5) {
			f.Add([]byte(says), op, 1000)
		}
	}
	f.Fuzz(func(t *testing.T, says []byte, op byte, size int) {
		m := NewMemcached("n1:11211", ClientOptions{Timeout: 10 * time.Second, DialContext: saying(says, size)})
		defer m.Close()
		frugal(t, func() {
			got, err := map[string]Item{}, error(nil)
			switch ctx := t.Context(); op % 5 {
			case 0:
				got["a"], err = m.Get(ctx, "a")
			case 1:
				got, err = m.GetMulti(ctx, "a", "b")
			case 2:
				err = m.Add(ctx, "a", Item{Value: []byte("v")}, 0)
			case 3:
				err = m.CompareAndSwap(ctx, "a", Item{Value: []byte("v"), Token: 1}, 0)
			case 4:
				err = m.Append(ctx, "a", []byte("v"))
			}
			if err != nil {
				return
			}
			for key, item := range got {
				if key != "a" && key != "b" || len(item.Value) > len(says) {
					t.Errorf("%q has %d bytes", key, len(item.Value))
				}
			}
			if op%5 > 1 && !strings.HasPrefix(string(says), "STORED\r\n") {
				t.Error("stored?")
			}
		})
	})
}
