package transcoder_test

import (
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gomsm/msm/transcoder"
)

// picky decodes nothing, and says what.
type picky struct{ N int }

var errPicky = errors.New("picky")

func (picky) MarshalText() ([]byte, error) { return []byte("4711 secret"), nil }

func (*picky) UnmarshalText(text []byte) error { return fmt.Errorf("%w: %s", errPicky, text) }

// TestErrorsShowNoValue: SR-30. A stored value that does not decode is named in no error, since errors are logged.
func TestErrorsShowNoValue(t *testing.T) {
	for name, c := range map[string]struct {
		stored any
		into   any
	}{
		"a number that is too large":       {4711, new(int8)},
		"a number for a text":              {4711, new(string)},
		"a text for a number":              {"4711 secret", new(int)},
		"a text for a time":                {"4711 secret", new(time.Time)},
		"a text for an address":            {"4711 secret", new(netip.Addr)},
		"a text for a large number":        {"4711 secret", new(big.Int)},
		"a number in a list":               {[]int{1, 4711}, new([]int8)},
		"a number in a field":              {struct{ A int }{4711}, new(struct{ A int8 })},
		"a key":                            {map[string]int{"4711 secret": 1}, new(map[int]int)},
		"what a type's own method refuses": {"4711 secret", new(picky)},
	} {
		for _, tc := range []transcoder.Transcoder{transcoder.CBOR(), transcoder.JSON(), transcoder.Gob()} {
			data, err := tc.Marshal(c.stored)
			if err != nil {
				t.Fatal(err)
			}
			err = tc.Unmarshal(data, c.into)
			if err == nil || strings.Contains(err.Error(), "4711") || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s, %s: %v", tc.Name(), name, err)
			}
		}
	}
	for _, damaged := range []string{`{"secret`, `"secret" x`, "\x62se", "secret"} {
		for _, tc := range []transcoder.Transcoder{transcoder.CBOR(), transcoder.JSON(), transcoder.Gob()} {
			if err := tc.Unmarshal([]byte(damaged), new(int)); err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "'x'") {
				t.Errorf("%s, %q: %v", tc.Name(), damaged, err)
			}
		}
	}
	data, err := transcoder.CBOR().Marshal("4711 secret")
	if err != nil {
		t.Fatal(err)
	}
	if err := transcoder.CBOR().Unmarshal(data, new(picky)); !errors.Is(err, errPicky) {
		t.Errorf("%v; a program has to find what its own method has returned", err)
	}
}
