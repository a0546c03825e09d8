package bench

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gomsm/msm/core/msmtest"
)

// BenchmarkCommands counts the commands that a request sends to memcached. Unlike time, they are the same on every
// machine.
func BenchmarkCommands(b *testing.B) {
	first, second := startProxy(b), startProxy(b)
	for _, p := range peers(first.Addr(), second.Addr()) {
		app := p.app(b)
		cookie := fill(b, app)
		for _, does := range []struct{ name, method string }{{"read", http.MethodGet}, {"write", http.MethodPost}} {
			b.Run(does.name+"/"+p.name, func(b *testing.B) {
				first.Reset()
				second.Reset()
				for b.Loop() {
					r := httptest.NewRequest(does.method, "/", nil)
					r.AddCookie(cookie)
					app.ServeHTTP(httptest.NewRecorder(), r)
				}
				b.ReportMetric(float64(commands(first)+commands(second))/float64(b.N), "commands/op")
			})
		}
	}
}

func startProxy(b *testing.B) *msmtest.Proxy {
	return msmtest.StartProxy(b, msmtest.StartServer(b).Addr())
}

// commands returns how many commands a proxy has seen. It leaves out probes of the node, which have nothing to do with
// requests.
func commands(p *msmtest.Proxy) (n int) {
	for _, c := range p.Commands() {
		if !strings.Contains(c, "epoch") {
			n++
		}
	}
	return n
}
