package bench

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gomsm/msm/core/msmtest"
)

// BenchmarkRequest measures requests with an existing session, one after the other, on real memcached processes.
func BenchmarkRequest(b *testing.B) {
	addr, second := msmtest.StartServer(b).Addr(), msmtest.StartServer(b).Addr()
	for _, p := range peers(addr, second) {
		app := p.app(b)
		cookie := fill(b, app)
		for _, does := range []struct{ name, method string }{{"read", http.MethodGet}, {"write", http.MethodPost}} {
			b.Run(does.name+"/"+p.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					r, w := httptest.NewRequest(does.method, "/", nil), httptest.NewRecorder()
					r.AddCookie(cookie)
					if app.ServeHTTP(w, r); w.Code != http.StatusOK {
						b.Fatalf("%d %s", w.Code, w.Body)
					}
				}
			})
		}
	}
}

// fill begins a session and returns its cookie.
func fill(b *testing.B, app http.Handler) *http.Cookie {
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/fill", nil))
	cookies := w.Result().Cookies()
	if w.Code != http.StatusOK || len(cookies) != 1 {
		b.Fatalf("%d %s %v", w.Code, w.Body, w.Header())
	}
	return &http.Cookie{Name: cookies[0].Name, Value: cookies[0].Value}
}
