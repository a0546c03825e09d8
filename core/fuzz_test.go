package msm_test

import (
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
