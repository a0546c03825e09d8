package examples

import (
	"crypto/rand"
	"flag"
	"net/http"
	"strings"
	"testing"
	"time"
)

var floodFor = flag.Duration("floods", 0, "how long each flood of TestFloods lasts; zero: until each stranger has sent a few requests")

// floods are what strangers send, as fast as they are answered. The first one needs no session: it takes as much of the
// machine as the others do, and is what they are compared with.
var floods = []struct {
	name string
	send func() *http.Request
}{
	{"requests without a session", func() *http.Request { return strange(http.MethodGet, "/pixel.gif", "") }},
	{"new sessions", func() *http.Request { return strange(http.MethodPost, "/count", "") }},
	{"invented ids", func() *http.Request { return strange(http.MethodGet, "/count", inventedToken()+"-n1.a") }},
	{"forged ids", func() *http.Request {
		return strange(http.MethodGet, "/count", inventedToken()+inventedToken()+"-n1.a")
	}},
	{"what is no id", func() *http.Request { return strange(http.MethodGet, "/count", strings.Repeat("x", 200)) }},
}

// inventedToken returns 16 random bytes as an id has them: of 130 bits that the letters have, the last two are zero.
func inventedToken() string { return strings.ToLower(rand.Text()[:25]) + "a" }

func strange(method, path, id string) *http.Request {
	r, err := http.NewRequest(method, path, nil)
	if err != nil {
		panic(err)
	}
	if id != "" {
		r.Header.Set("Cookie", "SESSION="+id)
	}
	return r
}

// TestFloods: T-04, T-05. While 64 strangers send as much as they can, no visitor is refused, no session is lost, and with
// -strict no visitor waits for more than three times as long as beside strangers who need no session.
func TestFloods(t *testing.T) {
	for _, mode := range blipModes {
		t.Run(mode.name, func(t *testing.T) {
			w := startBlipWorld(t, 480, 24, floodEnv(mode.env)...)
			defer w.traffic.run()()
			table, calm := floodHeader, time.Duration(0)
			for _, f := range floods {
				r := w.flood(f.send)
				if calm == 0 {
					calm = r.p99
				}
				table += "\n" + r.row(f.name)
				w.judgeFlood(t, f.name, r, calm)
			}
			t.Logf("%s\n%s", mode.name, table)
		})
	}
}

// floodEnv has keys, without which invented ids are asked for nowhere, and still accepts ids without a signature, so that
// they are.
func floodEnv(mode []string) []string {
	env := append([]string{"MSM_SIGNING_KEYS=" + strings.Repeat("a2V5", 11), "MSM_UNSIGNED_UNTIL=2099-01-01T00:00:00Z"}, mode...)
	if mode != nil {
		env = append(env, "MSM_MAX_LOCAL_BYTES=67108864")
	}
	if *floodFor == 0 {
		env = append(env, "MSM_OP_TIMEOUT=10s") // beside many busy programs an operation may take long
	}
	return env
}
