package examples

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token" // token is a function of the sticky tests
	"os"
	"os/exec"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	_ "github.com/gomsm/msm/chi" // so that go test does not use a cached result when an adapter has changed
	_ "github.com/gomsm/msm/echo"
	_ "github.com/gomsm/msm/echov5"
	_ "github.com/gomsm/msm/gin"
)

// docs is a symbolic link inside this module to a folder outside it. To decide whether a cached result is still valid,
// go test looks only at files inside the module.
const docs = "testdata/docs/"

var update = flag.Bool("update", false, "write docs/adapters.md instead of comparing it")

// adapters lists the frameworks of docs/adapters.md, each with the file of its adapter and the folder whose tests run
// its contract. For gin that is the one with the middleware of gin-contrib.
var adapters = []struct{ framework, module, version, file, contract string }{
	{"net/http", "core", "", "core/middleware.go", "core"},
	{"chi", "chi", "github.com/go-chi/chi/v5", "chi/chi.go", "chi"},
	{"gin", "gin", "github.com/gin-gonic/gin", "gin/gin.go", "examples/gincontrib"},
	{"echo v4", "echo", "github.com/labstack/echo/v4", "echo/echo.go", "echo"},
	{"echo v5", "echov5", "github.com/labstack/echo/v5", "echov5/echo.go", "echov5"},
}

// TestAdapters runs the contract with every framework, and compares the results with docs/adapters.md.
func TestAdapters(t *testing.T) {
	t.Parallel()
	columns := runContracts(t)
	const path = docs + "adapters.md"
	page := "<!-- Written by `make docs`, from what the tests do. -->\n\n# Adapters\n\n" + overview(t) + matrix(columns)
	t.Log("\n" + page)
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if kept, err := os.ReadFile(path); err != nil || string(kept) != page {
		t.Errorf("docs/adapters.md is not what the tests say; `make docs` writes it (%v)", err)
	}
}

// column holds the results of the contract for one framework, by part and case.
type column struct {
	cases  []string // "part/case", in the order in which they ran
	result map[string]string
	why    map[string]string // the reasons of those that were skipped
}

// runContracts runs all contracts with one command, which loads the workspace once and builds them in parallel.
func runContracts(t *testing.T) (columns []*column) {
	t.Helper()
	args := []string{"test", "-json", "-run", "^TestContract$", "-timeout", "1h"}
	if raceDetector() {
		args = append(args, "-race") // make test has built that already
	}
	of := map[string]*column{}
	for _, a := range adapters {
		c := &column{result: map[string]string{}, why: map[string]string{}}
		columns, of["github.com/gomsm/msm/"+a.contract], args = append(columns, c), c, append(args, "../"+a.contract)
	}
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Error(err)
	}
	for events := json.NewDecoder(bytes.NewReader(out)); events.More(); {
		var event struct{ Action, Package, Test, Output string }
		if err := events.Decode(&event); err != nil {
			t.Fatal(err)
		}
		if c := of[event.Package]; c != nil {
			c.take(event.Action, event.Test, event.Output)
		}
	}
	for i, c := range columns {
		if len(c.cases) == 0 {
			t.Errorf("the contract of %s has no cases", adapters[i].module)
		}
	}
	return columns
}

func raceDetector() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

var skipped = regexp.MustCompile(`^\s+\w+\.go:\d+: (.+)\n$`)

func (c *column) take(action, test, output string) {
	words := strings.SplitN(strings.ReplaceAll(strings.TrimPrefix(test, "TestContract/"), "_", " "), "/", 3)
	if len(words) != 2 { // a part, or a case within a case
		return
	}
	name := words[0] + "/" + words[1]
	switch action {
	case "run":
		c.cases = append(c.cases, name)
	case "pass", "fail", "skip":
		c.result[name] = action
	case "output":
		if m := skipped.FindStringSubmatch(output); m != nil {
			c.why[name] = m[1]
		}
	}
}

// matrix returns one table for each part of the contract: a row for each case, a column for each framework.
func matrix(columns []*column) string {
	var page strings.Builder
	fmt.Fprint(&page, "## The contract\n\n✓ is a test that passes, a number says below why the framework has no such thing, and · is a way that only others have.\n")
	var notes []string
	for _, part := range parts(columns) {
		fmt.Fprintf(&page, "\n| %s |%s\n|---|%s\n", part, names(), strings.Repeat(":-:|", len(columns)))
		for _, name := range casesOf(part, columns) {
			fmt.Fprintf(&page, "| %s |", strings.TrimPrefix(name, part+"/"))
			for _, c := range columns {
				cell, why := c.cell(part, name)
				if why != "" {
					cell = note(&notes, why)
				}
				fmt.Fprintf(&page, " %s |", cell)
			}
			fmt.Fprintln(&page)
		}
	}
	fmt.Fprintln(&page)
	for i, why := range notes {
		fmt.Fprintf(&page, "%d. %s\n", i+1, why)
	}
	return page.String()
}

func names() (row string) {
	for _, a := range adapters {
		row += " " + a.framework + " |"
	}
	return row
}

func note(notes *[]string, why string) string {
	at := slices.Index(*notes, why)
	if at < 0 {
		at = len(*notes)
		*notes = append(*notes, why)
	}
	return fmt.Sprint(at + 1)
}

func (c *column) cell(part, name string) (cell, why string) {
	if _, none := c.result[name]; !none {
		if why, all := c.why[part+"/any"]; all {
			return "", why
		}
	}
	return map[string]string{"pass": "✓", "fail": "✗", "": "·"}[c.result[name]], c.why[name]
}

func parts(columns []*column) (list []string) {
	for _, name := range columns[0].cases {
		part, _, _ := strings.Cut(name, "/")
		if !slices.Contains(list, part) {
			list = append(list, part)
		}
	}
	return list
}

func casesOf(part string, columns []*column) (list []string) {
	for _, c := range columns {
		for _, name := range c.cases {
			if strings.HasPrefix(name, part+"/") && name != part+"/any" && !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	return list
}

// overview returns the table of the adapters, with the size and the exported names of each.
func overview(t *testing.T) string {
	t.Helper()
	var page strings.Builder
	fmt.Fprint(&page, "| framework | tested with | adapter | lines | of code | exports |\n|---|---|---|--:|--:|---|\n")
	for _, a := range adapters {
		lines, code, exports := read(t, "../"+a.file)
		fmt.Fprintf(&page, "| %s | %s | [%s](../%s) | %d | %d | %s |\n", a.framework, version(t, a.module, a.version), a.file, a.file, lines, code, strings.Join(exports, ", "))
	}
	fmt.Fprint(&page, "\nEvery adapter keeps the same contract, which is [msmtest.TestAdapter](../core/msmtest/adapter.go). Who writes an adapter for\nanother framework calls it, too: it needs a `Framework`, about 60 lines, of which those in [gin](../gin/gin_test.go) are\nan example. gin has no compression of its own: its column is with that of gin-contrib.\n\n")
	return page.String()
}

func version(t *testing.T, module, path string) string {
	t.Helper()
	if path == "" {
		return "any"
	}
	mod, err := os.ReadFile("../" + module + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(mod), path+" ")
	v, _, _ := strings.Cut(after, "\n")
	return v
}

func read(t *testing.T, path string) (lines, code int, exports []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		lines++
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			code++
		}
	}
	file, err := parser.ParseFile(gotoken.NewFileSet(), path, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		exports = append(exports, exported(d)...)
	}
	return lines, code, exports
}

func exported(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if receiver := d.Recv; d.Name.IsExported() && (receiver == nil || isExported(receiver.List[0].Type)) {
			names = append(names, "`"+d.Name.Name+"`")
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if s, ok := s.(*ast.TypeSpec); ok && s.Name.IsExported() {
				names = append(names, "`"+s.Name.Name+"`")
			}
		}
	}
	return names
}

func isExported(receiver ast.Expr) bool {
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	name, ok := receiver.(*ast.Ident)
	return ok && name.IsExported()
}
