// Package scenario plays tests that are written as text, so that one can read them without knowing any code. A file has
// scenarios, each with a sentence and steps: lines that tell or do something, and what comes of them.
//
//	# the higher version counts
//	choose
//	n1 1/5 home=n1
//	n2 1/6 home=n1
//	----
//	n2 has 1/6; next is 1/7 on n1
//
// What the lines mean is up to the test. With -update a test writes what comes of them into its file; read the
// difference before you commit it.
package scenario

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what comes of the scenarios into the files of testdata")

// rule separates what is done from what comes of it.
const rule = "----"

// Scenario is one part of a file.
type Scenario struct {
	Title string
	Steps []*Step
}

// Step is some lines and what comes of them.
type Step struct {
	Lines []string
	want  []string
}

// Play plays each scenario of a file in testdata, as a test of its own.
func Play(t *testing.T, file string, play func(t *testing.T, s *Scenario)) {
	t.Helper()
	text, err := fs.ReadFile(os.DirFS("testdata"), file)
	if err != nil {
		t.Fatal(err)
	}
	list := parse(string(text))
	if len(list) == 0 {
		t.Fatalf("%s has no scenario", file)
	}
	for _, s := range list {
		t.Run(s.Title, func(t *testing.T) { play(t, s) })
	}
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", file), []byte(format(list)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Gives reports an error unless these lines are what comes of the step.
func (s *Step) Gives(t *testing.T, got ...string) {
	t.Helper()
	if have, want := strings.Join(got, "\n"), strings.Join(s.want, "\n"); have != want && !*update {
		t.Errorf("%s\n%s\n%s\nwant\n%s", strings.Join(s.Lines, "\n"), rule, have, want)
	}
	s.want = got
}

func parse(text string) (list []*Scenario) {
	for part := range strings.SplitSeq("\n"+text, "\n# ") {
		title, body, _ := strings.Cut(part, "\n")
		if title == "" {
			continue
		}
		s := &Scenario{Title: title}
		for step := range strings.SplitSeq(strings.TrimSpace(body), "\n\n") {
			lines, want, _ := strings.Cut(step, "\n"+rule)
			s.Steps = append(s.Steps, &Step{strings.Split(lines, "\n"), strings.Split(want, "\n")[1:]})
		}
		list = append(list, s)
	}
	return list
}

func format(list []*Scenario) string {
	var parts []string
	for _, s := range list {
		var steps []string
		for _, step := range s.Steps {
			lines := slices.Concat(step.Lines, []string{rule}, step.want)
			steps = append(steps, strings.Join(lines, "\n")+"\n")
		}
		parts = append(parts, "# "+s.Title+"\n"+strings.Join(steps, "\n"))
	}
	return strings.Join(parts, "\n")
}
