package msm_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestCommandsOnTheWire counts the commands that a request sends to real memcached.
func TestCommandsOnTheWire(t *testing.T) {
	for name, c := range map[string]struct {
		backups int
		method  string
		path    string
		cookie  string // kept: the browser's cookie; else another one
		want    []string
	}{
		"a request without cookie":                      {1, "GET", "/none", "-", nil},
		"a read without cookie":                         {1, "GET", "/read", "-", nil},
		"an unsafe request without cookie":              {1, "POST", "/none", "-", nil},
		"an ignored request":                            {1, "POST", "/x.gif", "kept", nil},
		"a GET that does not touch the session":         {1, "GET", "/none", "kept", nil},
		"a read":                                        {1, "GET", "/read", "kept", []string{"gets"}},
		"an unsafe request that changes nothing":        {1, "POST", "/none", "kept", []string{"gets"}},
		"a write with one backup":                       {1, "POST", "/write", "kept", []string{"cas", "cas", "gets", "gets"}},
		"a write without backup":                        {msm.NoBackup, "POST", "/write", "kept", []string{"cas", "gets"}},
		"a new session with one backup":                 {1, "POST", "/write", "-", []string{"add", "add"}},
		"a new session without backup":                  {msm.NoBackup, "POST", "/write", "-", []string{"add"}},
		"a logout":                                      {1, "POST", "/logout", "kept", []string{"cas", "cas", "gets", "gets"}},
		"a logout of nobody":                            {1, "POST", "/logout", "-", nil},
		"a write with a malformed cookie":               {1, "POST", "/write", "x", []string{"add", "add"}},
		"a read with a cookie of 70,000 bytes":          {1, "GET", "/read", strings.Repeat("a", 70_000), nil},
		"a read with CR LF in the cookie, as %0d%0a":    {1, "GET", "/read", "%0d%0aflush_all", nil},
		"a read with an unsigned id of the right shape": {1, "GET", "/read", "aaaaaaaaaaaaaaaaaaaaaaaaaa-n1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWire(t, msm.Config{Backups: c.backups, SigningKeys: [][]byte{make([]byte, 32)}})
			w.do("POST", "/write")
			w.do("GET", "/read")
			w.finish()
			w.reset()
			req, _ := http.NewRequest(c.method, w.URL+c.path, nil)
			if c.cookie != "kept" {
				w.browser.Jar = nil
				if c.cookie != "-" {
					req.Header.Set("Cookie", "SESSION="+c.cookie)
				}
			}
			w.send(req)
			w.finish()
			if got := w.session(); !slices.Equal(got, c.want) {
				t.Errorf("commands %v; want %v", got, c.want)
			}
		})
	}
}
