package mutants

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

var run = flag.Bool("mutants", false, "build every mutant and have it caught; it takes some minutes")

// layer is a test that searches for broken guarantees, and says "seed N" when it has found one.
type layer struct {
	name   string
	folder string // below the module
	test   string
	seeds  int // how many it tries before a mutant counts as not caught; zero: it is ordinary tests, of rules that no seed is needed for

	setting string // that all seeds play in; empty: they take turns
}

// in is the layer in one of its settings, for rules that only a rare coincidence needs.
func (l layer) in(setting string) layer {
	l.setting = setting
	return l
}

// unit is ordinary tests.
func unit(tests, folder string) layer {
	return layer{name: "tests", folder: folder, test: "(" + tests + ")"}
}

// flags of a search for so many seeds, from the first one. Ordinary tests have none.
func (l layer) flags(first string, seeds int) []string {
	if l.seeds == 0 {
		return nil
	}
	list := []string{"-first=" + first, fmt.Sprintf("-seeds=%d", seeds)}
	if l.setting != "" {
		list = append(list, "-setting="+l.setting)
	}
	return list
}

// limit is for one search. A mutant that makes it hang is not caught.
const limit = 5 * time.Minute

// verdict is the end of a search.
type verdict struct {
	seed string // that broke a guarantee; empty: none did
	says string // what was broken
	took time.Duration
}

// TestMutants: every mutant is caught, at a seed at which the module as it is breaks nothing.
func TestMutants(t *testing.T) {
	if !*run {
		t.Skip("only with -mutants, see make mutants")
	}
	original := newTree(t)
	verdicts := make([]*verdict, len(all())) // nil: it was not played
	t.Cleanup(func() { tell(t.Output(), verdicts) })
	for i, m := range all() {
		t.Run(m.says, func(t *testing.T) {
			t.Parallel()
			verdicts[i] = &verdict{}
			v, err := m.search(t.Context(), t.TempDir())
			if err != nil {
				t.Fatalf("%v: %v", m, err)
			}
			if v.seed == "" {
				t.Fatalf("%v: not caught by %d seeds of %s, in %v", m, m.by.seeds, m.by.name, v.took.Round(time.Second))
			}
			if err := original.replay(t.Context(), m.by, v.seed); err != nil {
				t.Fatalf("%v: the module as it is fails at seed %s, too: %v", m, v.seed, err)
			}
			verdicts[i] = &v
		})
	}
}

func tell(out io.Writer, verdicts []*verdict) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	caught, of := make(map[string]int), make(map[string]int)
	for i, m := range all() {
		v := verdicts[i]
		if v == nil {
			continue
		}
		of[m.by.name]++
		if v.seed == "" {
			fmt.Fprintf(table, "%v\t%s\tNOT CAUGHT\n", m, m.by.name)
			continue
		}
		caught[m.by.name]++
		fmt.Fprintf(table, "%v\t%s\t%s\t%v\t%.90s\n", m, m.by.name, v.seed, v.took.Round(100*time.Millisecond), v.says)
	}
	_ = table.Flush()
	for _, by := range slices.Sorted(maps.Keys(of)) {
		fmt.Fprintf(out, "%d of %d mutants caught by the %s\n", caught[by], of[by], by)
	}
}

// search builds the mutant and has its layer look for a seed that breaks a guarantee.
func (m mutant) search(ctx context.Context, dir string) (verdict, error) {
	overlay, err := m.overlay(dir)
	if err != nil {
		return verdict{}, err
	}
	program := filepath.Join(dir, "search")
	if err := m.by.build(ctx, program, "-overlay="+overlay); err != nil {
		return verdict{}, err
	}
	return m.by.run(ctx, program, overlay, m.by.flags("1", m.by.seeds)...)
}

// tree is the module as it is: its layers, built.
type tree struct{ programs map[string]string }

// newTree builds every layer, and checks that it finds nothing.
func newTree(t *testing.T) tree {
	t.Helper()
	programs := make(map[string]string)
	for _, m := range all() {
		if _, built := programs[m.by.folder]; built {
			continue
		}
		program := filepath.Join(t.TempDir(), "search")
		if err := m.by.build(t.Context(), program); err != nil {
			t.Fatal(err)
		}
		programs[m.by.folder] = program
		v, err := m.by.run(t.Context(), program, "", m.by.flags("1", 20)...)
		if err != nil || v.seed != "" {
			t.Fatalf("without a mutation the %s finds at seed %s: %s (%v)", m.by.name, v.seed, v.says, err)
		}
	}
	return tree{programs}
}

func (t tree) replay(ctx context.Context, by layer, seed string) error {
	v, err := by.run(ctx, t.programs[by.folder], "", by.flags(seed, 1)...)
	if err == nil && v.seed != "" {
		err = errors.New(v.says)
	}
	return err
}

func (l layer) build(ctx context.Context, program string, flags ...string) error {
	args := append([]string{"test", "-c", "-o", program}, flags...)
	build := exec.CommandContext(ctx, "go", append(args, "./"+l.folder)...)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("does not build: %w\n%s", err, out)
	}
	return nil
}

// run has the program search, up to the first broken guarantee. Programs that it builds itself are mutants, too.
func (l layer) run(ctx context.Context, program, overlay string, flags ...string) (verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	args := append([]string{"-test.run=^" + l.test + "$", "-test.v", "-test.timeout=0"}, flags...)
	search := exec.CommandContext(ctx, program, args...)
	search.Dir = filepath.Join(root, l.folder)
	if overlay != "" {
		search.Env = append(os.Environ(), "GOFLAGS=-overlay="+overlay)
	}
	out, err := search.StdoutPipe()
	if err != nil {
		return verdict{}, err
	}
	search.Stderr = search.Stdout
	began := time.Now()
	if err := search.Start(); err != nil {
		return verdict{}, err
	}
	v, err := read(out, l.broken())
	v.took = time.Since(began)
	cancel()
	ended := search.Wait()
	switch {
	case err != nil || v.seed != "":
		return v, err
	case v.took > limit:
		return v, fmt.Errorf("no end after %v", limit)
	case search.ProcessState.ExitCode() == 0:
		return v, nil
	}
	return v, fmt.Errorf("it ends without a broken guarantee: %w\n%s", ended, v.says)
}

// broken finds in a line what was broken: the seed, or the test that failed.
func (l layer) broken() *regexp.Regexp {
	if l.seeds == 0 {
		return regexp.MustCompile(`--- FAIL: (\S+)(.*)`)
	}
	return regexp.MustCompile(`\bseed (\d+)(.*)`)
}

// read answers the first seed that broke a guarantee. Without one says is the end of the output. A program that panics
// has found nothing.
func read(out io.Reader, broken *regexp.Regexp) (v verdict, err error) {
	var last [][]byte
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Bytes()
		if found := broken.FindSubmatch(line); found != nil {
			return verdict{seed: string(found[1]), says: strings.Trim(string(found[2]), ": ")}, nil
		}
		last = append(last, bytes.Clone(line))
		last = last[max(0, len(last)-20):]
		if bytes.HasPrefix(line, []byte("panic:")) || bytes.HasPrefix(line, []byte("fatal error:")) {
			rest, _ := io.ReadAll(io.LimitReader(out, 4000))
			return v, fmt.Errorf("it crashes: %s\n%s", line, rest)
		}
	}
	return verdict{says: string(bytes.Join(last, []byte("\n")))}, nil
}
