package examples

import (
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var testName = regexp.MustCompile("`(Test\\w+)`")

// TestGuarantees checks that docs/guarantees.md has a row for every guarantee and every fault, and that the tests that
// it and docs/history.md name exist.
func TestGuarantees(t *testing.T) {
	page, history := readPage(t, "guarantees.md"), readPage(t, "history.md")
	wantTests(t, page+history)
	for i := 1; i <= 11; i++ {
		wantRow(t, page, fmt.Sprintf("| G%d |", i))
	}
	for i := 1; i <= 50; i++ {
		wantRow(t, page, fmt.Sprintf("| F-%02d |", i))
	}
}

// TestSecurity checks that docs/security.md has a row for every threat, that each row of its tables names tests or says
// that something is not yet there, and that the tests exist.
func TestSecurity(t *testing.T) {
	page := readPage(t, "security.md")
	wantTests(t, page)
	for i := 1; i <= 25; i++ {
		if !strings.Contains(page, fmt.Sprintf("\n| T-%02d: ", i)) {
			t.Errorf("no row for T-%02d", i)
		}
	}
	for line := range strings.Lines(page) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || strings.TrimSpace(cells[1]) == "item" || strings.TrimSpace(cells[1]) == "advisory" || strings.Contains(line, "| --- |") {
			continue
		}
		if !strings.Contains(cells[3], "`") && !strings.Contains(strings.ToLower(cells[2]), "not yet") && !strings.Contains(cells[2], "not apply") {
			t.Errorf("no test and no reason: %s", line)
		}
	}
}

// wantTests checks that the tests that a text names exist.
func wantTests(t *testing.T, text string) {
	t.Helper()
	there := testsOf(t, "..")
	for _, m := range testName.FindAllStringSubmatch(text, -1) {
		if !there[m[1]] {
			t.Errorf("there is no %s", m[1])
		}
	}
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile(docs + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func wantRow(t *testing.T, page, begin string) {
	t.Helper()
	_, row, found := strings.Cut(page, "\n"+begin)
	row, _, _ = strings.Cut(row, "\n")
	if !found || !testName.MatchString(row) && !strings.Contains(row, "does not apply") {
		t.Errorf("no row %q that names a test", begin)
	}
}

// testsOf returns the names of all functions in the test files below a folder.
func testsOf(t *testing.T, root string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				names[f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
