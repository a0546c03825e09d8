package transcoder_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/gomsm/msm/transcoder"
)

func TestJSONLimits(t *testing.T) {
	for sentence, c := range map[string]struct{ inside, outside string }{
		"levels of arrays":          {strings.Repeat("[", 16) + strings.Repeat("]", 16), strings.Repeat("[", 17) + strings.Repeat("]", 17)},
		"levels of objects":         {strings.Repeat(`{"a":`, 16) + "1" + strings.Repeat("}", 16), strings.Repeat(`{"a":`, 17) + "1" + strings.Repeat("}", 17)},
		"brackets within a string":  {`"` + strings.Repeat("[", 99) + `\"` + strings.Repeat("{", 99) + `\\"`, `"` + strings.Repeat("[", 99)},
		"elements of an array":      {"[" + strings.Repeat("0,", 9_999) + "0]", "[" + strings.Repeat("0,", 10_000) + "0]"},
		"pairs of an object":        {`{"a":0` + strings.Repeat(`,"a":0`, 9_999) + "}", `{"a":0` + strings.Repeat(`,"a":0`, 10_000) + "}"},
		"elements in all":           {grid(9, 9_999), grid(10, 10_000)},
		"bytes":                     {`"` + strings.Repeat("a", 1<<20-2) + `"`, `"` + strings.Repeat("a", 1<<20-1) + `"`},
		"arrays beside each other":  {"[" + strings.Repeat("[],", 99) + "[]]", strings.Repeat("]", 20)},
		"UTF-8 in a string":         {`"ä"`, "\"\xe4\""},
		"no bytes behind the value": {"1 ", "1 1"},
		"at least one value":        {"0", " "},
	} {
		t.Run(sentence, func(t *testing.T) {
			if err := transcoder.JSON().Unmarshal([]byte(c.inside), new(any)); err != nil {
				t.Errorf("inside: %v", err)
			}
			err := transcoder.JSON().Unmarshal([]byte(c.outside), new(any))
			if err == nil || !strings.HasPrefix(err.Error(), "decode: ") {
				t.Errorf("outside: %v", err)
			}
		})
	}
}

// grid returns arrays of zeros within an array.
func grid(rows, columns int) string {
	row := "[" + strings.Repeat("0,", columns-1) + "0]"
	return "[" + strings.Repeat(row+",", rows-1) + row + "]"
}

func TestJSONRefusesToStoreWhatIsTooDeep(t *testing.T) {
	if err := roundTrip(transcoder.JSON(), nest(1, 16), new(any)); err != nil {
		t.Errorf("16 levels: %v", err)
	}
	if _, err := transcoder.JSON().Marshal(nest(1, 17)); err == nil || !strings.Contains(err.Error(), "16 levels") {
		t.Errorf("17 levels: %v", err)
	}
}

// TestJSONIsWhatItIs checks what the comment of JSON promises.
func TestJSONIsWhatItIs(t *testing.T) {
	var typed int64
	if err := roundTrip(transcoder.JSON(), int64(1<<53+1), &typed); err != nil || typed != 1<<53+1 {
		t.Errorf("typed integer: got %d, %v", typed, err)
	}
	var untyped any
	if err := roundTrip(transcoder.JSON(), int64(1<<53+1), &untyped); err != nil || untyped != float64(1<<53) {
		t.Errorf("integer in an any: got %v, %v", untyped, err)
	}
	var m map[string]int
	if err := transcoder.JSON().Unmarshal([]byte(`{"a":1,"a":2}`), &m); err != nil || !reflect.DeepEqual(m, map[string]int{"a": 2}) {
		t.Errorf("duplicate keys: got %v, %v", m, err)
	}
}

// TestJSONTellsReplacedBytes checks values that contain the escape \ufffd or something like it. encoding/json itself
// writes it for an invalid byte only.
func TestJSONTellsReplacedBytes(t *testing.T) {
	for sentence, c := range map[string]struct {
		value any
		ok    bool
	}{
		"the character itself":             {"\ufffd", true},
		"a backslash and letters":          {`\ufffd`, true},
		"two backslashes and letters":      {`\\ufffd`, true},
		"a backslash and an invalid byte":  {"\\\xff", false},
		"an invalid byte behind letters":   {`\ufffd` + "\xff", false},
		"an invalid byte in a raw message": {json.RawMessage("\"\xff\""), false},
		"the escape in a raw message":      {json.RawMessage(`"\ufffd"`), false},
	} {
		_, err := transcoder.JSON().Marshal(c.value)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}
