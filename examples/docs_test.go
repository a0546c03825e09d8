package examples

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "github.com/gomsm/msm/examples/internal/ending" // so that go test does not use a cached result when it has changed
)

// pages lists the pages that show a program, most of them with its test, and the request by which its visitors count.
// scripts/consumer tests that the programs build outside this tree, with the commands on the pages.
var pages = []struct{ path, counts string }{
	{"testdata/README.md", `"GET", "/"`},
	{docs + "nethttp.md", `"POST", "/visits"`},
	{docs + "chi.md", `"POST", "/visits"`},
	{docs + "gin.md", `"POST", "/visits"`},
	{docs + "echo.md", `"POST", "/visits"`},
	{docs + "csrf.md", `"POST", "/visits"`},
	{docs + "background.md", `"POST", "/report"`},
	{docs + "echov5.md", `"POST", "/visits"`},
	{"testdata/gorilla.md", `"POST", "/visits"`},
}

var block = regexp.MustCompile("(?s)```go\n// (\\w+\\.go)\n(.*?)```")

// runner is a test that runs the program's main, listening on addr, and ends it.
const runner = `package main

import (
	"testing"

	"github.com/gomsm/msm/examples/internal/ending"
)

var addr string

func TestMain(m *testing.M) { ending.Main(m, main, &addr) }

func TestToldToEnd(t *testing.T) {
	t.Parallel()
	ending.Test(t, %s)
}
`

// TestDocs checks that the programs in docs are complete and formatted, that their tests pass, and that they lose
// nothing when they are told to end. One command runs them all.
func TestDocs(t *testing.T) {
	t.Parallel()
	args := []string{"test"}
	if raceDetector() {
		args = append(args, "-race")
	}
	dirs := []string{"-l"}
	for _, p := range pages {
		text, err := os.ReadFile(p.path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(p.path), ".md")
		dir, err := os.MkdirTemp(".", "docs-"+name+"-") // inside this module, which has the requirements
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		args, dirs = append(args, "./"+dir), append(dirs, dir)
		files := map[string]string{"ending_test.go": fmt.Sprintf(runner, p.counts)}
		for _, f := range block.FindAllStringSubmatch(string(text), -1) {
			files[f[1]] = f[2]
		}
		for from, to := range map[string]string{`":8080"`: "addr", "8*time.Second": "5*time.Minute"} { // a busy machine may take longer to end it
			if program := files["main.go"]; !strings.Contains(program, from) {
				t.Errorf("%s: has no program with %s", p.path, from)
			} else {
				files["main.go"] = strings.Replace(program, from, to, 1)
			}
		}
		for name, code := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := exec.Command("gofmt", dirs...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("gofmt: %v %s", err, out)
	}
}
