package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages are those of docs that show a program and its test, and what echo's says of v5.
var pages = []struct{ page, replace, by string }{
	{"nethttp", "", ""}, {"chi", "", ""}, {"gin", "", ""}, {"echo", "", ""},
	{"echo", "msm/echo", "msm/echov5"},
}

var block = regexp.MustCompile("(?s)```go\n// (\\w+\\.go)\n(.*?)```")

// TestDocs: the programs in docs are whole, and their tests pass. One command runs them all.
func TestDocs(t *testing.T) {
	t.Parallel()
	args := []string{"test"}
	if raceDetector() {
		args = append(args, "-race")
	}
	dirs := []string{"-l"}
	for _, p := range pages {
		dir, err := os.MkdirTemp(".", "docs-"+p.page+"-") // in this module, for what it requires
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		args, dirs = append(args, "./"+dir), append(dirs, dir)
		text, err := os.ReadFile(docs + p.page + ".md")
		if err != nil {
			t.Fatal(err)
		}
		files := block.FindAllStringSubmatch(string(text), -1)
		if len(files) != 2 {
			t.Fatalf("%s: %d files; want a program and its test", p.page, len(files))
		}
		for _, f := range files {
			code := f[2]
			if p.by != "" {
				code = strings.NewReplacer(p.replace, p.by, "echo/v4", "echo/v5", "c echo.Context", "c *echo.Context").Replace(code)
			}
			if err := os.WriteFile(filepath.Join(dir, f[1]), []byte(code), 0o600); err != nil {
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
