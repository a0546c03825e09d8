package examples

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/coder/websocket"
	"github.com/gomsm/msm/core/msmtest"
)

// TestWebSocket checks that the cookie travels with the 101, and that what the handler changes is there for the next
// connection.
func TestWebSocket(t *testing.T) {
	t.Parallel()
	p := startProgram(t, "websocket", "MSM_NODES="+msmtest.StartServer(t).Addr())
	n := 0
	for connection := 1; connection <= 2; connection++ {
		conn, resp, err := websocket.Dial(t.Context(), p.url+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Jar: p.browser.Jar}})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := len(resp.Cookies()), 2-connection; got != want {
			t.Errorf("connection %d: %d cookies; want %d", connection, got, want)
		}
		for range 3 {
			n++
			if err := conn.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if _, text, err := conn.Read(t.Context()); err != nil || string(text) != fmt.Sprint(n) {
				t.Fatalf("%q, %v; want %d", text, err, n)
			}
		}
		_ = conn.Close(websocket.StatusNormalClosure, "")
		stored := fmt.Sprintf(`{"connections":%d,"messages":%d}`, connection, n)
		eventually(t, stored, func() bool {
			_, body := p.ask("GET", "/", "")
			return body == stored
		})
	}
}

// TestWebSocketAfterALogout checks that a logout ends the connection, and that what the connection had changed was
// stored before.
func TestWebSocketAfterALogout(t *testing.T) {
	t.Parallel()
	p := startProgram(t, "websocket", "MSM_NODES="+msmtest.StartServer(t).Addr())
	conn := p.sayHello()
	defer conn.CloseNow()
	if _, body := p.ask("GET", "/", ""); body != `{"connections":1,"messages":1}` {
		t.Errorf("stored: %s", body)
	}
	p.ask("POST", "/logout", "")
	if _, text, err := conn.Read(t.Context()); err == nil {
		t.Errorf("the connection goes on: %q", text)
	}
}

// TestWebSocketAtTheEnd checks that what an open connection has changed is stored when the app is told to end.
func TestWebSocketAtTheEnd(t *testing.T) {
	t.Parallel()
	nodes := "MSM_NODES=" + msmtest.StartServer(t).Addr()
	p := startProgram(t, "websocket", nodes)
	conn := p.sayHello()
	defer conn.CloseNow()
	p.terminate()
	next := startProgram(t, "websocket", nodes)
	next.browser.Jar.SetCookies(next.cookieURL(), p.browser.Jar.Cookies(p.cookieURL()))
	if _, body := next.ask("GET", "/", ""); body != `{"connections":1,"messages":1}` {
		t.Errorf("the next run finds %s", body)
	}
}

// sayHello opens a WebSocket and sends its first message.
func (p *process) sayHello() *websocket.Conn {
	p.t.Helper()
	conn, _, err := websocket.Dial(p.t.Context(), p.url+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Jar: p.browser.Jar}})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := conn.Write(p.t.Context(), websocket.MessageText, []byte("hello")); err != nil {
		p.t.Fatal(err)
	}
	if _, text, err := conn.Read(p.t.Context()); err != nil || string(text) != "1" {
		p.t.Fatalf("%q, %v", text, err)
	}
	return conn
}
