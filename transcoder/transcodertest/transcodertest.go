// Package transcodertest holds the contract of [transcoder.Transcoder] as a test suite. Call [Test] to check a
// transcoder of your own:
//
//	func TestMine(t *testing.T) { transcodertest.Test(t, mine.New()) }
package transcodertest

import (
	"fmt"
	"regexp"
	"sync"
	"testing"

	"github.com/gomsm/msm/transcoder"
)

// Test runs the whole contract against one transcoder. Where formats may differ (NaN, nil pointers, …), a value must
// either come back as it was or be refused by Marshal. Run it with the race detector.
func Test(t *testing.T, tc transcoder.Transcoder) {
	t.Run("the name can be stored", func(t *testing.T) { testName(t, tc) })
	t.Run("values", func(t *testing.T) { testValues(t, tc) })
	t.Run("nothing is lost without a word", func(t *testing.T) { testLosses(t, tc) })
	t.Run("what cannot be stored is an error", func(t *testing.T) { testUnstorable(t, tc) })
	t.Run("what nothing can be decoded into is an error", func(t *testing.T) { testTargets(t, tc) })
	t.Run("memory is not shared", func(t *testing.T) { testIsolation(t, tc) })
	t.Run("a failed decode says so", func(t *testing.T) { testFailures(t, tc) })
	t.Run("hostile bytes", func(t *testing.T) { testHostile(t, tc) })
	t.Run("use by many goroutines", func(t *testing.T) { testConcurrency(t, tc) })
}

var nameRule = regexp.MustCompile(`^[a-z0-9]{1,32}$`)

func testName(t *testing.T, tc transcoder.Transcoder) {
	name := tc.Name()
	if !nameRule.MatchString(name) {
		t.Errorf("Name() = %q, does not match %s", name, nameRule)
	}
	if again := tc.Name(); again != name {
		t.Errorf("Name() = %q, then %q", name, again)
	}
}

func testUnstorable(t *testing.T, tc transcoder.Transcoder) {
	for what, v := range map[string]any{
		"a channel":  make(chan int),
		"a function": func() {},
	} {
		if data, err := marshal(tc, v); err == nil {
			t.Errorf("%s was encoded as %x", what, data)
		}
	}
}

func testTargets(t *testing.T, tc transcoder.Transcoder) {
	data := mustMarshal(t, tc, 1)
	for what, target := range map[string]any{
		"nil":           nil,
		"no pointer":    1,
		"a nil pointer": (*int)(nil),
		"a map":         map[string]int{},
	} {
		if err := unmarshal(tc, data, target); err == nil {
			t.Errorf("decoding into %s gave no error", what)
		}
	}
}

func testConcurrency(t *testing.T, tc transcoder.Transcoder) {
	var all sync.WaitGroup
	for worker := range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range 100 {
				if err := exchange(tc, worker, i); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	all.Wait()
}

// exchange encodes and decodes a value that no other call has.
func exchange(tc transcoder.Transcoder, worker, i int) error {
	in := visitor{Name: fmt.Sprint("visitor ", worker), Visits: i, Tags: []string{fmt.Sprint(worker * i)}}
	data, err := marshal(tc, in)
	if err != nil {
		return err
	}
	var out visitor
	if err := unmarshal(tc, data, &out); err != nil {
		return err
	}
	if out.Name != in.Name || out.Visits != in.Visits || out.Tags[0] != in.Tags[0] {
		return fmt.Errorf("got %+v, want %+v", out, in)
	}
	return nil
}

// marshal and unmarshal call the transcoder. If it panics, the test ends with the input in its message.
func marshal(tc transcoder.Transcoder, v any) (data []byte, err error) {
	defer alarm("Marshal", v)
	return tc.Marshal(v)
}

func unmarshal(tc transcoder.Transcoder, data []byte, v any) (err error) {
	defer alarm("Unmarshal", data)
	return tc.Unmarshal(data, v)
}

// alarm adds the input to a panic, which then ends the test.
func alarm(operation string, input any) {
	if p := recover(); p != nil {
		panic(fmt.Sprintf("%s(%#v) panics: %v", operation, input, p))
	}
}

func mustMarshal(t *testing.T, tc transcoder.Transcoder, v any) []byte {
	t.Helper()
	data, err := marshal(tc, v)
	if err != nil {
		t.Fatalf("Marshal(%T): %v", v, err)
	}
	return data
}
