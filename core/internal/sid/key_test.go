package sid

import (
	"strings"
	"testing"
)

// TestKey compares with hashes made by openssl, so that it does not repeat the code.
func TestKey(t *testing.T) {
	tests := map[string]struct {
		prefix string
		kind   Kind
		token  string
		want   string
	}{
		"a record":          {"", Record, plain, "s:AGxz_CcRTW1UxiWMzIsKKT5P3LaOBaJjn2oSzSMw3LQ"},
		"a lock":            {"", Lock, plain, "l:AGxz_CcRTW1UxiWMzIsKKT5P3LaOBaJjn2oSzSMw3LQ"},
		"a prefix in front": {"shop:", Record, plain, "shop:s:AGxz_CcRTW1UxiWMzIsKKT5P3LaOBaJjn2oSzSMw3LQ"},
		"an empty token":    {"", Record, "", "s:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Key(test.prefix, test.kind, test.token); got != test.want {
				t.Errorf("Key = %q, want %q", got, test.want)
			}
			if h, ok := ParseKey(test.prefix, test.kind, test.want); !ok || h.Key(test.prefix, test.kind) != test.want {
				t.Errorf("ParseKey = %x, %v", h, ok)
			}
		})
	}
}

func TestParseKeyRefusesWhatKeyDoesNotMake(t *testing.T) {
	const hashed = "AGxz_CcRTW1UxiWMzIsKKT5P3LaOBaJjn2oSzSMw3LQ"
	for name, key := range map[string]string{
		"nothing":             "",
		"another prefix":      "shop:s:" + hashed,
		"another kind":        "msm:l:" + hashed,
		"no kind":             "msm:" + hashed,
		"a short hash":        "msm:s:" + hashed[1:],
		"a long hash":         "msm:s:" + hashed + "A",
		"not base64":          "msm:s:" + hashed[1:] + "+",
		"a line end within":   "msm:s:" + hashed[1:] + "\n",
		"bits behind the end": "msm:s:" + hashed[:42] + "R",
	} {
		t.Run(name, func(t *testing.T) {
			if h, ok := ParseKey("msm:", Record, key); ok {
				t.Errorf("%x", h)
			}
		})
	}
}

func TestKeyOfAnOversizedTokenIsStillShortAndItsOwn(t *testing.T) {
	long := strings.Repeat("a", 70_000)
	a, b := Key("", Record, long), Key("", Record, long+"b")
	if a == b || len(a) > maxKey {
		t.Errorf("%q and %q", a, b)
	}
}

// maxKey is the promised length of a key without its prefix. memcached's own limit is 250.
const maxKey = 60

func harmless(key string) bool {
	return len(key) <= maxKey && strings.Trim(key,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:-") == ""
}
