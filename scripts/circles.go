//go:build ignore

// Circles prints which files of a package refer to each other in a circle, directly or by way of others, and fails if a
// circle has more files than allowed: a reader who wants to know one of them has to read them all.
//
//	go run scripts/circles.go -most 6 ./core
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	most := flag.Int("most", 0, "fail if a circle has more files than this; 0: print only")
	flag.Parse()
	failed := false
	for _, dir := range flag.Args() {
		circles, err := circlesOf(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		for _, c := range circles {
			fmt.Printf("%s: %d files: %s\n", dir, len(c), strings.Join(c, " "))
			failed = failed || *most > 0 && len(c) > *most
		}
	}
	if failed {
		fmt.Fprintf(os.Stderr, "a circle has more than %d files\n", *most)
		os.Exit(1)
	}
}

// circlesOf returns the circles of more than one file, the largest first.
func circlesOf(dir string) ([][]string, error) {
	uses, err := usesOf(dir)
	if err != nil {
		return nil, err
	}
	var circles [][]string
	for _, c := range components(uses) {
		if len(c) > 1 {
			slices.Sort(c)
			circles = append(circles, c)
		}
	}
	slices.SortFunc(circles, func(a, b []string) int { return len(b) - len(a) })
	return circles, nil
}

// usesOf returns, for each file of the package without its tests, the files that declare what it uses.
func usesOf(dir string) (map[string]map[string]bool, error) {
	files := token.NewFileSet()
	list, err := parse(files, dir)
	if err != nil {
		return nil, err
	}
	exported, err := exports(dir)
	if err != nil {
		return nil, err
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.ForCompiler(files, "gc", exported)}
	pkg, err := config.Check(dir, files, list, info)
	if err != nil {
		return nil, err
	}
	name := func(p token.Pos) string { return filepath.Base(files.Position(p).Filename) }
	uses := map[string]map[string]bool{}
	for _, f := range list {
		uses[name(f.Package)] = map[string]bool{}
	}
	for id, object := range info.Uses {
		if from, to := name(id.Pos()), name(object.Pos()); object.Pkg() == pkg && from != to {
			uses[from][to] = true
		}
	}
	return uses, nil
}

func parse(files *token.FileSet, dir string) (list []*ast.File, err error) {
	out, err := goList(dir, "-f", "{{range .GoFiles}}{{$.Dir}}/{{.}}\n{{end}}", ".")
	if err != nil {
		return nil, err
	}
	for path := range strings.FieldsSeq(out) {
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		list = append(list, file)
	}
	return list, nil
}

// exports returns how the importer finds what the package imports.
func exports(dir string) (importer.Lookup, error) {
	out, err := goList(dir, "-export", "-deps", "-f", "{{if .Export}}{{.ImportPath}} {{.Export}}{{end}}", ".")
	if err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for line := range strings.Lines(out) {
		if path, file, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			paths[path] = file
		}
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(paths[path]) }, nil
}

func goList(dir string, args ...string) (string, error) {
	var out, why bytes.Buffer
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &why
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go list in %s: %w\n%s", dir, err, why.String())
	}
	return out.String(), nil
}

// components returns the strongly connected components, by Tarjan's algorithm.
func components(uses map[string]map[string]bool) (list [][]string) {
	index, low, on := map[string]int{}, map[string]int{}, map[string]bool{}
	var stack []string
	var visit func(f string)
	visit = func(f string) {
		index[f] = len(index) + 1
		low[f] = index[f]
		stack, on[f] = append(stack, f), true
		for _, g := range slices.Sorted(maps.Keys(uses[f])) {
			if index[g] == 0 {
				visit(g)
				low[f] = min(low[f], low[g])
			} else if on[g] {
				low[f] = min(low[f], index[g])
			}
		}
		if low[f] != index[f] {
			return
		}
		at := slices.Index(stack, f)
		for _, g := range stack[at:] {
			on[g] = false
		}
		list, stack = append(list, slices.Clone(stack[at:])), stack[:at]
	}
	for _, f := range slices.Sorted(maps.Keys(uses)) {
		if index[f] == 0 {
			visit(f)
		}
	}
	return list
}
