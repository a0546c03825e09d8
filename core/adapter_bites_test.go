package msm_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// broken are adapters with one fault each, and the case of the contract that must find it.
var broken = map[string]struct {
	sessions func(m *msm.Manager) netMiddleware
	seen     string
}{
	"WriteHeader goes past the session": {past(func(w, raw http.ResponseWriter) http.ResponseWriter { return pastHeader{w, raw} }),
		"the first byte commits/WriteHeader"},
	"Write goes past the session": {past(func(w, raw http.ResponseWriter) http.ResponseWriter { return pastWrite{w, raw} }),
		"the first byte commits/Write"},
	"Flush goes past the session": {past(func(w, raw http.ResponseWriter) http.ResponseWriter { return pastFlush{w, raw} }),
		"the first byte commits/Flush"},
	"Hijack goes past the session": {past(func(w, raw http.ResponseWriter) http.ResponseWriter { return pastHijack{w, raw} }),
		"streams and connections/a connection taken over with http.Hijacker"},
	"the writer is a plain http.ResponseWriter": {past(func(w, _ http.ResponseWriter) http.ResponseWriter { return struct{ http.ResponseWriter }{w} }),
		"streams and connections/http.ResponseController sets deadlines and full duplex"},
	"the session ends after the recovery":    {recovering, "errors and panics/a panic that nobody recovers drops the changes, and goes on"},
	"the handler runs without its session":   {careless, "one clean answer to a failure/a load that fails before an unsafe handler, which does not run"},
	"nothing is committed after the handler": {careful, "the first byte commits/nothing at all"},
}

// past makes an adapter in which the handler's writer goes past the session in one way.
func past(wrap func(w, raw http.ResponseWriter) http.ResponseWriter) func(m *msm.Manager) netMiddleware {
	return func(m *msm.Manager) netMiddleware {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(raw http.ResponseWriter, r *http.Request) {
				m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(wrap(w, raw), r)
				})).ServeHTTP(raw, r)
			})
		}
	}
}

type (
	pastHeader struct {
		http.ResponseWriter
		raw http.ResponseWriter
	}
	pastWrite struct {
		http.ResponseWriter
		raw http.ResponseWriter
	}
	pastFlush struct {
		http.ResponseWriter
		raw http.ResponseWriter
	}
	pastHijack struct {
		http.ResponseWriter
		raw http.ResponseWriter
	}
)

func (p pastHeader) WriteHeader(status int)           { p.raw.WriteHeader(status) }
func (p pastWrite) Write(b []byte) (int, error)       { return p.raw.Write(b) }
func (p pastWrite) WriteString(s string) (int, error) { return io.WriteString(p.ResponseWriter, s) }
func (p pastFlush) Flush()                            { p.raw.(http.Flusher).Flush() }
func (p pastHijack) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return p.raw.(http.Hijacker).Hijack()
}

// recovering recovers from the handler's panics before the session sees them.
func recovering(m *msm.Manager) netMiddleware {
	return func(next http.Handler) http.Handler {
		return m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() { _ = recover() }()
			next.ServeHTTP(w, r)
		}))
	}
}

// careless runs the handler although Begin has failed.
func careless(m *msm.Manager) netMiddleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x, r, _ := m.Begin(r, r.Pattern)
			defer x.End()
			next.ServeHTTP(x.Writer(w), r)
			_ = x.Finish()
		})
	}
}

// careful never calls Finish.
func careful(m *msm.Manager) netMiddleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x, r, err := m.Begin(r, r.Pattern)
			defer x.End()
			if w = x.Writer(w); err == nil {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// brokenAdapter is the variable that tells a child process which adapter to test.
const brokenAdapter = "MSM_TEST_BROKEN_ADAPTER"

// TestTheContractBites runs for each broken adapter, in another process, the case that must find its fault, and expects
// that it fails.
func TestTheContractBites(t *testing.T) {
	if name := os.Getenv(brokenAdapter); name != "" {
		testContract(t, broken[name].sessions)
		return
	}
	for name, b := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			part, seen, _ := strings.Cut(strings.ReplaceAll(b.seen, " ", "_"), "/")
			cmd := exec.Command(os.Args[0], "-test.run", "^TestTheContractBites$/^"+regexp.QuoteMeta(part)+"$/^"+regexp.QuoteMeta(seen)+"$")
			cmd.Env = append(os.Environ(), brokenAdapter+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestTheContractBites/"+part+"/"+seen+" ") {
				t.Errorf("%v:\n%s", err, out)
			}
		})
	}
}
