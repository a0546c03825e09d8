package mutants

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the folder of the module, seen from this one.
const root = "../.."

// mutant is a rule, and what takes it out.
type mutant struct {
	rule  string
	edits []edit
	by    layer // that has to catch it
}

// edit replaces a text that is in a file exactly once.
type edit struct{ file, from, to string }

// all are the mutants, in the order in which they are told.
func all() []mutant { return slices.Concat(ofCopies, ofNodes, ofRequests, ofLocks) }

// files answers the mutant's files by their paths below the module.
func (m mutant) files() (map[string]string, error) {
	files := make(map[string]string)
	for _, e := range m.edits {
		text, begun := files[e.file]
		if !begun {
			data, err := os.ReadFile(filepath.Join(root, e.file))
			if err != nil {
				return nil, err
			}
			text = string(data)
		}
		if n := strings.Count(text, e.from); n != 1 {
			return nil, fmt.Errorf("%s has %d times, not once:\n%s", e.file, n, e.from)
		}
		files[e.file] = strings.Replace(text, e.from, e.to, 1)
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

// TestList: every edit fits the tree and leaves a program, and every rule is told once.
func TestList(t *testing.T) {
	rules := make(map[string]bool)
	for _, m := range all() {
		t.Run(m.rule, func(t *testing.T) {
			if rules[m.rule] {
				t.Error("the list has this rule twice")
			}
			rules[m.rule] = true
			files, err := m.files()
			if err != nil {
				t.Fatal(err)
			}
			if len(files) == 0 {
				t.Error("nothing is edited")
			}
			for name, text := range files {
				if _, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
