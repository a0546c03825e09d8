package memcache

import (
	"bufio"
	"errors"
	"slices"
	"strings"
	"testing"
)

const oneKey = "key=msm%3As%3AA%20b exp=1795461225 la=1795461125 cas=2 fetch=no cls=1 size=75\r\n"

// TestReadKeys checks what servers send, and what none should send.
func TestReadKeys(t *testing.T) {
	for name, c := range map[string]struct {
		says string
		keys []string
		want error // errAny: any but those that have a meaning
	}{
		"a list":                              {says: oneKey + "key=msm%3As%3AC exp=-1 la=1\r\nEND\r\n", keys: []string{"msm:s:A b", "msm:s:C"}},
		"an empty list":                       {says: "END\r\n"},
		"keys of others":                      {says: "key=msm%3Al%3AA exp=-1\r\nkey=x exp=-1\r\nkey= exp=-1\r\nEND\r\n"},
		"a line that has the key only":        {says: "key=msm:s:A\nEND\n", keys: []string{"msm:s:A"}},
		"the crawler is at work":              {says: "BUSY currently processing crawler request\r\n", want: ErrCrawling},
		"the crawler is switched off":         {says: "CLIENT_ERROR lru crawler disabled\r\n", want: ErrNoList},
		"dumps are switched off":              {says: "ERROR metadump not allowed\r\n", want: ErrNoList},
		"an old server":                       {says: "ERROR\r\n", want: ErrNoList},
		"too many connections":                {says: "ERROR Too many open connections\r\n", want: ErrBusy},
		"a server in trouble":                 {says: "SERVER_ERROR out of memory\r\n", want: ErrFull},
		"nothing":                             {says: "", want: errAny},
		"a list that breaks off after a line": {says: oneKey, keys: []string{"msm:s:A b"}, want: errAny},
		"a list that breaks off in a line":    {says: oneKey + "key=msm%3", keys: []string{"msm:s:A b"}, want: errAny},
		"a key that is badly encoded":         {says: "key=msm:s:%zz exp=-1\r\nEND\r\n", want: errAny},
		"a line without end":                  {says: "key=" + strings.Repeat("x", maxKeyLine), want: errAny},
		"an empty line":                       {says: "\r\nEND\r\n", want: errAny},
		"more keys than there may be":         {says: strings.Repeat("key=msm:s:A\n", mostKeys+1) + "END\n", keys: slices.Repeat([]string{"msm:s:A"}, mostKeys), want: ErrNoList},
		"as many keys as there may be":        {says: strings.Repeat("key=x\n", mostKeys) + "END\n"},
		"an answer to something else":         {says: "VALUE a 0 1\r\nx\r\nEND\r\n", want: errAny},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := listed(c.says)
			if !slices.Equal(keys, c.keys) {
				t.Errorf("keys %q; want %q", keys, c.keys)
			}
			if got := meaning(err); !errors.Is(got, c.want) {
				t.Errorf("%v; want %v", err, c.want)
			}
		})
	}
}

var errAny = errors.New("any")

func meaning(err error) error {
	for _, known := range []error{nil, ErrNoList, ErrCrawling, ErrBusy, ErrFull} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errAny
}

// mostKeys is how many keys these lists may have.
const mostKeys = 100

func listed(says string) (keys []string, err error) {
	r := bufio.NewReaderSize(strings.NewReader(says), maxKeyLine)
	err = readKeys(r, "msm:s:", mostKeys, func(key string) { keys = append(keys, key) })
	return keys, err
}

func FuzzReadKeys(f *testing.F) {
	for _, says := range []string{oneKey + "END\r\n", "BUSY\r\n", "ERROR\r\n", "key=%", "\x00\n"} {
		f.Add(says)
	}
	f.Fuzz(func(t *testing.T, says string) {
		keys, err := listed(says)
		if err == nil && !strings.Contains(says, "END") {
			t.Error("a list without end")
		}
		if len(keys) > strings.Count(says, "key=") {
			t.Errorf("%d keys", len(keys))
		}
	})
}
