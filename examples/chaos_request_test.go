package examples

import (
	"io"
	"net/http"
	"time"
)

// reply is what an app has answered. A status of zero says that it has not.
type reply struct {
	status int
	text   string
	cookie *http.Cookie // the session's; nil if none is set
}

func newRequest(method, url, cookie string, body io.Reader) *http.Request {
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		panic(err)
	}
	if cookie != "" {
		req.Header.Set("Cookie", "SESSION="+cookie)
	}
	return req
}

// send sends a request, and reports how it went. If ok is false, nobody knows whether the request did what it should.
func (a *arena) send(client *http.Client, app *arenaApp, req *http.Request) (got reply, ok bool) {
	began := time.Now()
	resp, err := client.Do(req)
	if err == nil {
		var b []byte
		b, err = io.ReadAll(resp.Body)
		resp.Body.Close()
		got.text = string(b)
	}
	if err != nil {
		a.report.broken(app.route)
		return reply{}, false
	}
	got.status = resp.StatusCode
	for _, c := range resp.Cookies() {
		if c.Name == "SESSION" {
			got.cookie = c
		}
	}
	a.report.request(chaosRequest{req.Method + " " + req.URL.Path + " at " + app.route, began, time.Since(began), got.status, got.text})
	return got, got.status < 500
}
