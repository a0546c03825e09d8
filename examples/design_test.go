package examples

import (
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	// ruleText is a rule of docs/design.md, up to the next one or the next empty line.
	ruleText = regexp.MustCompile(`(?m)^- \*\*([A-Z])(\d+)\.\*\* .*(?:\n {2}.*)*`)
	// ruleTests are the tests that a rule names at its end.
	ruleTests = regexp.MustCompile(`\(((?:Test|Fuzz)\w+(?:,\s+(?:Test|Fuzz)\w+)*)\)$`)
	// ruleNamed is how code names a rule: "rule C7", "rules C7 and W2", "rules C7, W2 and W3".
	ruleNamed = regexp.MustCompile(`\brules? ([A-Z]\d+(?:(?:, | and )[A-Z]\d+)*)`)
	inParens  = regexp.MustCompile(`\([^)]*\)`)
	ruleID    = regexp.MustCompile(`\b[A-Z]\d+\b`)
)

// TestDesign checks that the rules of docs/design.md are numbered without a gap, that each ends with tests that exist, and that no
// comment in the code, and no rule, names a rule that does not exist.
func TestDesign(t *testing.T) {
	page := readPage(t, "design.md")
	tests, rules, last := testsOf(t, ".."), map[string]bool{}, map[string]int{}
	for _, m := range ruleText.FindAllStringSubmatch(page, -1) {
		text, section := m[0], m[1]
		number, _ := strconv.Atoi(m[2])
		if last[section]++; number != last[section] {
			t.Errorf("%s%d comes where %s%d should", section, number, section, last[section])
		}
		rules[section+m[2]] = true
		named := ruleTests.FindStringSubmatch(text)
		if named == nil {
			t.Errorf("%s%d does not end with its tests", section, number)
			continue
		}
		for name := range strings.SplitSeq(named[1], ",") {
			if name = strings.TrimSpace(name); !tests[name] {
				t.Errorf("%s%d: there is no %s", section, number, name)
			}
		}
	}
	if len(rules) < 100 {
		t.Errorf("%d rules were found", len(rules))
	}
	for _, m := range ruleText.FindAllString(page, -1) {
		for _, group := range inParens.FindAllString(m, -1) {
			for _, id := range ruleID.FindAllString(group, -1) {
				if !rules[id] {
					t.Errorf("%.10s names a rule %s that there is not", m, id)
				}
			}
		}
	}
	for _, named := range rulesNamed(t, "..") {
		if !rules[named.rule] {
			t.Errorf("%s: there is no rule %s", named.at, named.rule)
		}
	}
}

// naming is a place in the code that names a rule.
type naming struct{ at, rule string }

// rulesNamed returns the rules that comments below a folder name.
func rulesNamed(t *testing.T, root string) (list []naming) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		files := gotoken.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, group := range file.Comments {
			text := strings.Join(strings.Fields(group.Text()), " ") // a name may stand on two lines
			for _, m := range ruleNamed.FindAllStringSubmatch(text, -1) {
				for _, id := range ruleID.FindAllString(m[1], -1) {
					list = append(list, naming{files.Position(group.Pos()).String(), id})
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
