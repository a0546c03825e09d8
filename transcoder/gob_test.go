package transcoder_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gomsm/msm/transcoder"
)

func TestGobBoundsItsInput(t *testing.T) {
	err := transcoder.Gob().Unmarshal(make([]byte, 1<<20+1), new(int))
	if err == nil || !strings.Contains(err.Error(), "more than 1048576") {
		t.Errorf("got %v", err)
	}
	data, err := transcoder.Gob().Marshal(make([]byte, 1<<20-100))
	if err == nil {
		err = transcoder.Gob().Unmarshal(data, new([]byte))
	}
	if err != nil {
		t.Errorf("just inside: %v", err)
	}
}

// TestGobDoesNotBelieveTheLengthOfAMap changes a stored length from 2 pairs to 2^22. Package gob alone makes a map of
// that size.
func TestGobDoesNotBelieveTheLengthOfAMap(t *testing.T) {
	data, err := transcoder.Gob().Marshal(map[string]int{"a": 1, "b": 2})
	if err != nil {
		t.Fatal(err)
	}
	data = claimPairs(t, data)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = transcoder.Gob().Unmarshal(data, new(map[string]int))
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Error("no error")
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

// claimPairs replaces the length 2 by 2^22. It stands behind the value's own length, its type id and a zero byte.
func claimPairs(t *testing.T, data []byte) []byte {
	t.Helper()
	start := len(data) - len("\x02\x01a\x02\x01b\x04")
	if data[start] != 2 {
		t.Fatalf("%x is not laid out as expected", data)
	}
	message := int(data[0]) + 1
	data = slices.Replace(data, start, start+1, 0xfd, 0x40, 0, 0)
	data[message] += 3
	return data
}
