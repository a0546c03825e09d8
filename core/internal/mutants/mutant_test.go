package mutants

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the folder of the module, seen from this one.
const root = "../.."

// mutant is a rule, and what takes it out.
type mutant struct {
	rule  string // its id in docs/design.md, such as "C4"
	says  string // what the rule says, in this place of the code
	edits []edit
	by    layer // that has to catch it
}

// String returns the rule and what it says.
func (m mutant) String() string { return m.rule + ": " + m.says }

// edit replaces a text that is exactly once in a file, or in the files of a folder.
type edit struct{ in, from, to string }

// find returns the file of the text.
func (e edit) find() (string, error) {
	paths := []string{filepath.Join(root, e.in)}
	if !strings.HasSuffix(e.in, ".go") {
		all, err := filepath.Glob(filepath.Join(root, e.in, "*.go"))
		if err != nil {
			return "", err
		}
		paths = slices.DeleteFunc(all, func(path string) bool { return strings.HasSuffix(path, "_test.go") })
	}
	var there []string
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		for range strings.Count(string(data), e.from) {
			there = append(there, path)
		}
	}
	if len(there) != 1 {
		return "", fmt.Errorf("%s has %d times, not once:\n%s", e.in, len(there), e.from)
	}
	return filepath.Rel(root, there[0])
}

// all are the mutants, in the order in which they are told.
func all() []mutant {
	return slices.Concat(ofCopies, ofReads, ofNodes, ofRequests, ofLocks, ofPrincipals)
}

// files answers the mutant's files by their paths below the module.
func (m mutant) files() (map[string]string, error) {
	files := make(map[string]string)
	for _, e := range m.edits {
		file, err := e.find()
		if err != nil {
			return nil, err
		}
		text, begun := files[file]
		if !begun {
			data, err := os.ReadFile(filepath.Join(root, file))
			if err != nil {
				return nil, err
			}
			text = string(data)
		}
		files[file] = strings.Replace(text, e.from, e.to, 1)
	}
	return files, nil
}

// overlay writes the mutant's files into a folder, and answers what the go command needs to take them for the tree's.
func (m mutant) overlay(dir string) (string, error) {
	files, err := m.files()
	if err != nil {
		return "", err
	}
	replace := make(map[string]string)
	for name, text := range files {
		original, err := filepath.Abs(filepath.Join(root, name))
		if err != nil {
			return "", err
		}
		mutated := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(mutated, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[original] = mutated
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, data, 0o600)
}

// ruleID finds the ids of the rules in docs/design.md.
var ruleID = regexp.MustCompile(`(?m)^- \*\*([A-Z]\d+)\.\*\*`)

// rulesOnThePage returns the ids of the rules in docs/design.md.
func rulesOnThePage(t *testing.T) map[string]bool {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "..", "docs", "design.md"))
	if err != nil {
		t.Fatal(err)
	}
	rules := make(map[string]bool)
	for _, m := range ruleID.FindAllSubmatch(page, -1) {
		rules[string(m[1])] = true
	}
	return rules
}

// TestList checks that every edit fits the tree and leaves a program, that no sentence is there twice, and that every
// mutant names a rule of docs/design.md.
func TestList(t *testing.T) {
	rules, told := rulesOnThePage(t), make(map[string]bool)
	for _, m := range all() {
		t.Run(m.says, func(t *testing.T) {
			if !rules[m.rule] {
				t.Errorf("%v: docs/design.md has no such rule", m)
			}
			if told[m.says] {
				t.Errorf("%v: the list has this sentence twice", m)
			}
			told[m.says] = true
			files, err := m.files()
			if err != nil {
				t.Fatalf("%v: %v", m, err)
			}
			if len(files) == 0 {
				t.Errorf("%v: nothing is edited", m)
			}
			for name, text := range files {
				if _, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution); err != nil {
					t.Errorf("%v: %v", m, err)
				}
			}
		})
	}
}
