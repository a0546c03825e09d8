package examples

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// programs are the examples, by folder.
var programs = []string{"nethttp", "chi", "gin", "echo", "echov5"}

var bin string

func TestMain(m *testing.M) {
	flag.Parse()
	if !*strict && !given("test.parallel") {
		_ = flag.Set("test.parallel", "8") // most tests wait for processes, and none depends on how long
	}
	dir, err := os.MkdirTemp("", "msm-examples")
	if err != nil {
		panic(err)
	}
	bin = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// given reports whether a flag is on the command line.
func given(name string) (is bool) {
	flag.Visit(func(f *flag.Flag) { is = is || f.Name == name })
	return is
}

// patience ends a wait that would never end by itself.
const patience = 10 * time.Minute

var builds sync.Map // program to func() (path string, err error)

// build compiles a program once.
func build(t *testing.T, program string) string {
	t.Helper()
	once, _ := builds.LoadOrStore(program, sync.OnceValues(func() (string, error) {
		path := filepath.Join(bin, program)
		out, err := exec.Command("go", "build", "-o", path, "./"+program).CombinedOutput()
		if err != nil {
			t.Log(string(out))
		}
		return path, err
	}))
	path, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// process is a running program with a browser in front.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	url     string
	browser *http.Client
	output  lockedBuffer
	read    chan struct{} // closed when all its output is read
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs a command until the end of the test, and waits until it listens.
func start(t *testing.T, cmd *exec.Cmd, env ...string) *process {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	p := &process{t: t, cmd: cmd, browser: &http.Client{Jar: jar, Timeout: patience}, read: make(chan struct{})}
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = &p.output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // make's children end with it
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		if t.Failed() { // a failure may be rare, so keep what the program printed
			t.Logf("%s said last:\n%s", cmd, p.lastWords())
		}
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		_, _ = p.output.Write(append(lines.Bytes(), '\n'))
		if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			p.url = url
			go func() {
				defer close(p.read)
				_, _ = io.Copy(&p.output, stdout)
			}()
			return p
		}
	}
	_ = cmd.Wait()
	t.Fatalf("it does not listen:\n%s", p.output.String())
	return nil
}

// lastWords returns the end of what the program has printed.
func (p *process) lastWords() string {
	said := p.output.String()
	return said[max(0, len(said)-4<<10):]
}

// startProgram starts an example with long timeouts. No node hangs in these tests, but on a busy machine a healthy node
// may take longer than the default of 250 ms, and an app that is told to end longer than its five seconds.
func startProgram(t *testing.T, program string, env ...string) *process {
	t.Helper()
	return startPatient(t, program, patience, env...)
}

// startPatient starts an example that takes up to grace to store what is left when it is told to end.
func startPatient(t *testing.T, program string, grace time.Duration, env ...string) *process {
	t.Helper()
	env = append([]string{"MSM_OP_TIMEOUT=10s"}, env...)
	return start(t, exec.Command(build(t, program), "-addr", "127.0.0.1:0", "-grace", grace.String()), env...)
}

// terminate sends SIGTERM and waits for the end.
func (p *process) terminate() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	<-p.read
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("after SIGTERM: %v\n%s", err, p.output.String())
	}
}

// ask sends a request and returns the status and the body.
func (p *process) ask(method, path, body string) (int, string) {
	p.t.Helper()
	resp, text := p.send(method, path, body)
	return resp.StatusCode, text
}

func (p *process) send(method, path, body string) (*http.Response, string) {
	p.t.Helper()
	req, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := p.browser.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp, string(text)
}

func (p *process) cookieURL() *url.URL {
	p.t.Helper()
	u, err := url.Parse(p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	return u
}

// eventually waits for what an instance does in the background.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// count adds one and returns the new count, its node, and whether a cookie was set.
func (p *process) count() (n int, node string, cookie bool) {
	p.t.Helper()
	resp, body := p.send("POST", "/count", "")
	var got struct {
		Count int
		Node  string
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		p.t.Fatalf("%d %s", resp.StatusCode, body)
	}
	return got.Count, got.Node, len(resp.Header["Set-Cookie"]) > 0
}

func wantCount(p *process, want int) (node string) {
	p.t.Helper()
	n, node, _ := p.count()
	if n != want {
		p.t.Errorf("count %d; want %d", n, want)
	}
	return node
}

func wantRead(p *process, count int) {
	p.t.Helper()
	if _, body := p.ask("GET", "/count", ""); !strings.HasPrefix(body, fmt.Sprintf(`{"count":%d,`, count)) {
		p.t.Errorf("%s; want %d", body, count)
	}
}

func put(p *process, name, value string) {
	p.t.Helper()
	want(p.t, p, "PUT", "/attributes/"+name, value, 204, "")
}

// cookie returns the session's id from the browser's cookie.
func (p *process) cookie() string {
	p.t.Helper()
	for _, c := range p.browser.Jar.Cookies(p.cookieURL()) {
		if c.Name == "SESSION" {
			return c.Value
		}
	}
	p.t.Fatal("the browser has no session")
	return ""
}

func token(id string) string { return regexp.MustCompile(`^[^-.]*`).FindString(id) }
