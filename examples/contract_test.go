package examples

import (
	"encoding/json"
	"fmt"
	"net/http/cookiejar"
	"os/exec"
	"strings"
	"testing"

	"github.com/gomsm/msm/core/msmtest"
)

// TestContract runs every example with every transcoder through all that an example can do.
func TestContract(t *testing.T) {
	for _, program := range programs {
		for _, transcoder := range []string{"cbor", "json", "gob"} {
			t.Run(program+", "+transcoder, func(t *testing.T) {
				t.Parallel()
				nodes := "n1:" + msmtest.StartServer(t).Addr() + ", n2:" + msmtest.StartServer(t).Addr()
				p := startProgram(t, program, "MSM_NODES="+nodes, "MSM_TRANSCODER="+transcoder, "MSM_ROUTE=a")
				for _, c := range contract {
					t.Run(c.name, func(t *testing.T) { c.run(t, p) })
				}
				p.terminate()
				if !strings.Contains(p.output.String(), "0 sessions left") {
					t.Errorf("it does not say how much could not be stored:\n%s", p.output.String())
				}
			})
		}
	}
}

type shown struct {
	ID         string
	New        bool
	Node       string
	Route      string
	Attributes []string
}

func session(t *testing.T, p *process) (s shown) {
	t.Helper()
	_, body := p.ask("GET", "/session", "")
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatalf("%v: %q", err, body)
	}
	return s
}

func want(t *testing.T, p *process, method, path, body string, status int, text string) {
	t.Helper()
	if gotStatus, got := p.ask(method, path, body); gotStatus != status || text != "*" && strings.TrimSpace(got) != text {
		t.Errorf("%s %s answers %d %q; want %d %q", method, path, gotStatus, got, status, text)
	}
}

var contract = []struct {
	name string
	run  func(t *testing.T, p *process)
}{
	{"without a session there is nothing, and reading makes none", func(t *testing.T, p *process) {
		if s := session(t, p); s.ID != "" || !s.New || s.Node != "" || len(s.Attributes) != 0 || s.Attributes == nil {
			t.Errorf("%+v", s)
		}
		want(t, p, "GET", "/count", "", 200, `{"count":0,"node":"","route":""}`)
		want(t, p, "GET", "/attributes/a", "", 404, "*")
		want(t, p, "DELETE", "/attributes/a", "", 204, "")
		want(t, p, "POST", "/logout", "", 204, "")
		want(t, p, "GET", "/plain", "", 200, "ok")
		if resp, body := p.send("GET", "/pixel.gif", ""); resp.Header.Get("Content-Type") != "image/gif" || !strings.HasPrefix(body, "GIF89a") {
			t.Errorf("%v %q", resp.Header, body)
		}
		if len(p.browser.Jar.Cookies(p.cookieURL())) > 0 {
			t.Error("a cookie was set")
		}
	}},
	{"it counts", func(t *testing.T, p *process) {
		for n := 1; n <= 3; n++ {
			_, body := p.ask("POST", "/count", "")
			if !strings.HasPrefix(body, fmt.Sprintf(`{"count":%d,"node":"n`, n)) || !strings.Contains(body, `"route":"a"}`) {
				t.Errorf("count %d: %s", n, body)
			}
		}
		s := session(t, p)
		if s.New || s.Route != "a" || !strings.HasSuffix(s.ID, "-"+s.Node+".a") || fmt.Sprint(s.Attributes) != "[count]" {
			t.Errorf("%+v", s)
		}
		if _, page := p.ask("GET", "/", ""); !strings.Contains(page, ">3<") || !strings.Contains(page, s.Node) {
			t.Errorf("%s", page)
		}
	}},
	{"it keeps attributes", func(t *testing.T, p *process) {
		want(t, p, "PUT", "/attributes/color", "blue & green", 204, "")
		want(t, p, "GET", "/attributes/color", "", 200, "blue & green")
		want(t, p, "DELETE", "/attributes/color", "", 204, "")
		want(t, p, "GET", "/attributes/color", "", 404, "*")
	}},
	{"it is slow on demand", func(t *testing.T, p *process) {
		want(t, p, "POST", "/slow?ms=1&set=a=b%3Dc", "", 204, "")
		want(t, p, "GET", "/attributes/a", "", 200, "b=c")
		if _, body := p.ask("GET", "/slow?ms=1", ""); !strings.HasPrefix(body, `{"count":3,`) {
			t.Errorf("%s", body)
		}
	}},
	{"a login changes the id and keeps the rest", func(t *testing.T, p *process) {
		before := session(t, p)
		_, body := p.ask("POST", "/login?user=ann", "")
		after := session(t, p)
		if before.ID == after.ID || strings.TrimSpace(body) != fmt.Sprintf("{\"id\":%q}", after.ID) || fmt.Sprint(after.Attributes) != "[a count user]" {
			t.Errorf("%q, %+v", body, after)
		}
		want(t, p, "GET", "/attributes/user", "", 200, "ann")
	}},
	{"it streams", func(t *testing.T, p *process) {
		resp, body := p.send("GET", "/events", "")
		if body != "data: 1\n\ndata: 2\n\ndata: 3\n\n" || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("%q", body)
		}
		if s := session(t, p); fmt.Sprint(s.Attributes) != "[a count streamed user]" {
			t.Errorf("%+v", s)
		}
	}},
	{"it says how it is", func(t *testing.T, p *process) {
		var health struct {
			Nodes []struct{ ID, State string }
			Saves int
		}
		status, body := p.ask("GET", "/healthz", "")
		if err := json.Unmarshal([]byte(body), &health); err != nil || status != 200 || fmt.Sprint(health.Nodes) != "[{n1 up} {n2 up}]" || health.Saves == 0 {
			t.Errorf("%d %s", status, body)
		}
	}},
	{"a logout is the end", func(t *testing.T, p *process) {
		want(t, p, "POST", "/logout", "", 204, "")
		if s := session(t, p); s.ID != "" || len(p.browser.Jar.Cookies(p.cookieURL())) > 0 {
			t.Errorf("%+v", s)
		}
		want(t, p, "POST", "/logout", "", 204, "")
	}},
}

// TestTheCountGoesOn checks the main job: the app is restarted and a node is killed, and the visitor's count goes on.
func TestTheCountGoesOn(t *testing.T) {
	for _, program := range programs {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			servers := map[string]*msmtest.Server{"n1": msmtest.StartServer(t), "n2": msmtest.StartServer(t)}
			nodes := "MSM_NODES=n1:" + servers["n1"].Addr() + ",n2:" + servers["n2"].Addr()
			jar, _ := cookiejar.New(nil)
			n := 0
			count := func(p *process) string {
				p.browser.Jar = jar
				n++
				if _, body := p.ask("POST", "/count", ""); !strings.HasPrefix(body, fmt.Sprintf(`{"count":%d,`, n)) {
					t.Fatalf("want %d: %s", n, body)
				}
				return session(t, p).Node
			}
			first := startProgram(t, program, nodes)
			count(first)
			first.terminate()

			second := startProgram(t, program, nodes)
			primary := count(second)
			servers[primary].Kill()
			if now := count(second); now == primary {
				t.Errorf("the session is still on the dead node")
			}
			_ = second.cmd.Process.Kill()

			count(startProgram(t, program, nodes))
		})
	}
}

func TestHealthWithoutAnyNode(t *testing.T) {
	for _, program := range programs {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			server := msmtest.StartServer(t)
			p := startProgram(t, program, "MSM_NODES="+server.Addr())
			want(t, p, "GET", "/healthz", "", 200, "*")
			want(t, p, "POST", "/count", "", 200, `{"count":1,"node":"","route":""}`)
			server.Kill()
			want(t, p, "POST", "/count", "", 503, "*")
			want(t, p, "GET", "/healthz", "", 503, "*")
		})
	}
}

// TestBadEnvironment checks that values that cannot be used stop the start, and that all of them are named.
func TestBadEnvironment(t *testing.T) {
	for _, program := range programs {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(build(t, program), "-addr", "127.0.0.1:0")
			cmd.Env = append(cmd.Environ(), "MSM_NODES=a:1,b:2", "MSM_OP_TIMEOUT=soon", "MSM_STICKY=perhaps")
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Error("it starts")
			}
			for _, line := range []string{`MSM_NODES: "a:1" has no id`, `MSM_NODES: "b:2" has no id`, `MSM_OP_TIMEOUT: "soon"`, `MSM_STICKY: "perhaps"`} {
				if !strings.Contains(string(out), line) {
					t.Errorf("nothing says %q:\n%s", line, out)
				}
			}
		})
	}
}

// TestMakeDemo runs make demo as a newcomer types it from the README, except for the port.
func TestMakeDemo(t *testing.T) {
	p := start(t, exec.Command("make", "-C", "..", "demo", "ADDR=127.0.0.1:0"), "MSM_NODES=")
	for n := 1; n <= 3; n++ {
		want(t, p, "POST", "/count", "", 200, fmt.Sprintf(`{"count":%d,"node":"","route":""}`, n))
	}
}
