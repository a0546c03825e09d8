package msm_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// FuzzCookieHeader: T-16. Whatever a stranger sends gets a response, and is a session only if it holds our id as we
// gave it.
func FuzzCookieHeader(f *testing.F) {
	h := counting(newManager(f, msm.Config{SigningKeys: [][]byte{make([]byte, 32)}}))
	mine := sessionOf(f, h)
	for _, seed := range []string{
		"SESSION=ID", "SESSION=ID; SESSION=ID", `SESSION="ID"`, "a=b;SESSION=ID ;", "SESSION=ID-n1", "SESSION==ID", "=SESSION=ID",
		"SESSION=\x00", "SESSION=%0d%0aset", ";;;=;", "\u2000SESSION=ID", "SESSION", strings.Repeat("SESSION=x;", 50),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		line = strings.ReplaceAll(line, "ID", mine)
		resp := exchange(h, "GET", "/", withCookie(line))
		body := bodyOf(resp)
		if resp.StatusCode != 200 || body != "0" && !strings.Contains(line, mine) {
			t.Errorf("%q: %d %s", line, resp.StatusCode, body)
		}
	})
}

// FuzzHeader: T-16. The same for a client that sends its id in Config.Header, several times or beside a cookie.
func FuzzHeader(f *testing.F) {
	h := counting(newManager(f, msm.Config{SigningKeys: [][]byte{make([]byte, 32)}, Header: "X-Session"}))
	mine := sessionOf(f, h)
	for _, seed := range [][2]string{
		{"ID", ""}, {"", "SESSION=ID"}, {"ID", "SESSION=ID"}, {"ID, ID", ""}, {`"ID"`, "SESSION=x"}, {" ID", ""}, {"\x00", ""}, {strings.Repeat("x", 5000), ""},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, header, cookie string) {
		header, cookie = strings.ReplaceAll(header, "ID", mine), strings.ReplaceAll(cookie, "ID", mine)
		resp := exchange(h, "GET", "/", func(r *http.Request) {
			r.Header.Set("X-Session", header)
			r.Header.Set("Cookie", cookie)
		})
		body := bodyOf(resp)
		if resp.StatusCode != 200 || body != "0" && header != mine && !strings.Contains(cookie, mine) {
			t.Errorf("%q, %q: %d %s", header, cookie, resp.StatusCode, body)
		}
	})
}

// FuzzFromEnv: whatever an operator's variables say, FromEnv returns a configuration that New would check, or an error, and
// an error shows no key.
func FuzzFromEnv(f *testing.F) {
	names := []string{
		"NODES", "FAILOVER_NODES", "BACKUPS", "REFILL_RATE", "STICKY", "BACKUP_ASYNC", "MAX_LOCAL_SESSIONS", "MAX_LOCAL_BYTES", "ROUTE", "IGNORE",
		"TRANSCODER", "READ_TRANSCODERS", "IDLE_TIMEOUT", "ABSOLUTE_TIMEOUT", "PRINCIPAL_LIMIT", "PRINCIPAL_LIMIT_REFUSES", "OP_TIMEOUT", "MAX_CONNS", "MAX_SESSION_SIZE", "SIGNING_KEYS",
		"UNSIGNED_UNTIL", "ENCRYPTION_KEYS", "SEALED_FROM", "UNSEALED_UNTIL", "LOCKING", "LOCK_WAIT", "LOCK_EXPIRY", "KEY_PREFIX", "COOKIE_NAME",
		"COOKIE_PATH", "COOKIE_DOMAIN", "COOKIE_SECURE", "COOKIE_SAMESITE", "COOKIE_MAX_AGE", "COOKIE_PARTITIONED", "HEADER", "TRUSTED_PROXIES",
	}
	for i, value := range []string{"n1:a:1 n2:b:2", "n2", "1", "0", "true", "maybe", "10", "1GB", "a-b", "(", "gob", "json,cbor", "5m", "-1h", "2026-12-01T12:00:00Z"} {
		f.Add(uint8(i), value, uint8(i+1), value)
	}
	f.Fuzz(func(t *testing.T, one uint8, a string, two uint8, b string) {
		set := map[string]string{names[int(one)%len(names)]: a, names[int(two)%len(names)]: b}
		for name, value := range set {
			if os.Setenv("MSM_"+name, value) != nil {
				return // no environment has such a value
			}
			defer func() { _ = os.Unsetenv("MSM_" + name) }()
		}
		c, err := msm.FromEnv()
		if err == nil {
			_ = c.String()
			return
		}
		for name, value := range set {
			isKey := strings.HasSuffix(name, "_KEYS") && len(value) > 12 && !strings.Contains(a, b) && !strings.Contains(b, a)
			if isKey && strings.Contains(err.Error(), value) {
				t.Errorf("%v shows the key %q", err, value)
			}
		}
	})
}
