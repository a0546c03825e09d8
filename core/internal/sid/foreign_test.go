package sid

import (
	"testing"
	"time"
)

func TestForeignTokensAreNobodyElses(t *testing.T) {
	seen := map[string]string{plain: "a session's token"}
	for name, test := range map[string]struct{ space, key string }{
		"a session's token":                 {"", plain},
		"a session's token as the space":    {plain, ""},
		"another space":                     {"a", "bc"},
		"the border moved":                  {"ab", "c"},
		"a key that looks like its space":   {"", "1:abc"},
		"a key that looks like a token":     {"", Foreign("a", "bc")},
		"nothing at all":                    {"", ""},
		"a space that ends like its length": {"1:a", "bc"},
	} {
		token := Foreign(test.space, test.key)
		if other, twice := seen[token]; twice {
			t.Errorf("%s: the same as %s: %q", name, other, token)
		}
		seen[token] = name
		for format, f := range map[string]*Format{"unsigned": {}, "signed": signed(t)} {
			if _, _, ok := f.Parse(token); ok {
				t.Errorf("%s: %q is an %s id", name, token, format)
			}
		}
	}
}

func signed(t *testing.T) *Format {
	f, err := NewFormat("c", [][]byte{make([]byte, 32)}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
