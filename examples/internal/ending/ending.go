// Package ending tests how the programs in docs end: by SIGTERM, as an operator ends them, just when their visitors
// have their responses.
package ending

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gomsm/msm/core/msmtest"
)

const (
	runs     = "MSM_RUN_MAIN" // if it is set, the test binary runs the program at this address
	visitors = 20
	patience = 2 * time.Minute // ends a wait that would never end by itself
)

// Main runs the program's main if Test has started this process, and the tests otherwise.
func Main(m *testing.M, main func(), addr *string) {
	if at, ok := os.LookupEnv(runs); ok {
		*addr = at
		main()
		return
	}
	os.Exit(m.Run())
}

// Test lets visitors count in sticky mode, ends the program by SIGTERM as soon as the last one has its response, and
// checks that a second run has all counts.
func Test(t *testing.T, method, path string) {
	env := []string{
		"MSM_NODES=n1:" + msmtest.StartServer(t).Addr() + ",n2:" + msmtest.StartServer(t).Addr(),
		"MSM_STICKY=true", "MSM_ROUTE=a", "MSM_OP_TIMEOUT=" + patience.String(),
	}
	browsers := make([]*http.Client, visitors)
	for i := range browsers {
		jar, _ := cookiejar.New(nil)
		browsers[i] = &http.Client{Jar: jar, Timeout: patience}
	}
	for n := 1; n <= 2; n++ {
		p := start(t, env)
		lost := 0
		for _, b := range browsers {
			if got := p.visit(b, method, path); got != n {
				lost++
			}
		}
		p.end()
		if lost > 0 {
			t.Errorf("run %d: %d of %d visitors lost what was acknowledged", n, lost, visitors)
		}
	}
}

// process is the program, running.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	addr   string
	output bytes.Buffer
	ended  chan struct{}
	err    error // of cmd.Wait
}

// start starts the program on a random port below those that the system gives out, and waits until it listens.
func start(t *testing.T, env []string) *process {
	t.Helper()
	for {
		p := &process{t: t, addr: "127.0.0.1:" + strconv.Itoa(10_000+rand.IntN(20_000)), ended: make(chan struct{})}
		claim, err := net.ListenPacket("udp", p.addr)
		if err != nil {
			continue // another test has claimed the port, as msmtest.StartServer does
		}
		t.Cleanup(func() { _ = claim.Close() })
		p.cmd = exec.Command(os.Args[0]) //nolint:gosec // ourselves
		p.cmd.Env = append(append(os.Environ(), env...), runs+"="+p.addr)
		p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.ended })
		go func() {
			defer close(p.ended)
			p.err = p.cmd.Wait()
		}()
		if p.listens() {
			return p
		}
		if <-p.ended; !strings.Contains(p.output.String(), "address already in use") {
			t.Fatalf("it does not serve: %v\n%s", p.err, p.output.String())
		}
	}
}

// listens waits until the program listens or has ended, and reports whether it listens.
func (p *process) listens() bool {
	for began := time.Now(); time.Since(began) < patience; time.Sleep(10 * time.Millisecond) {
		select {
		case <-p.ended:
			return false
		default:
		}
		if resp, err := http.Get("http://" + p.addr + "/"); err == nil {
			_ = resp.Body.Close()
			return true
		}
	}
	_ = p.cmd.Process.Kill()
	return false
}

var number = regexp.MustCompile(`\d+`)

// visit sends a request and returns the number in the response's body.
func (p *process) visit(browser *http.Client, method, path string) int {
	p.t.Helper()
	r, err := http.NewRequest(method, "http://"+p.addr+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := browser.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	n, bad := strconv.Atoi(number.FindString(string(body)))
	if err := errors.Join(err, bad); err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %q, %v", resp.Status, body, err)
	}
	return n
}

// end sends SIGTERM and waits for the end of the program.
func (p *process) end() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Error(err)
	}
	if <-p.ended; p.err != nil {
		p.t.Errorf("it does not end well: %v\n%s", p.err, p.output.String())
	}
}
