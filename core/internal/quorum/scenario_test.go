package quorum

import (
	"bufio"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the answers into the files of testdata")

// scenario is one part of a file in testdata: a sentence, a command, the nodes, one a line, and the answer.
//
//	# the higher version counts
//	choose
//	n1 1/5 home=n1
//	n2 1/6 home=n1
//	----
//	n2 has it; next is 1/7 on n1
type scenario struct {
	says    string
	command []string
	nodes   [][]string
	answer  string
}

// play plays each scenario of a file, and compares the answers.
func play(t *testing.T, file string, answer func(*testing.T, *scenario) string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	var written []string
	for _, s := range readScenarios(t, path) {
		t.Run(s.says, func(t *testing.T) {
			got := answer(t, s)
			if got != s.answer && !*update {
				t.Errorf("%s; want %s", got, s.answer)
			}
			s.answer = got
		})
		written = append(written, s.String())
	}
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(written, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// readScenarios reads a file.
func readScenarios(t *testing.T, path string) (list []*scenario) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	answers := false
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		if says, ok := strings.CutPrefix(line, "# "); ok {
			list, answers = append(list, &scenario{says: says}), false
			continue
		}
		switch s := list[len(list)-1]; {
		case line == "":
		case line == "----":
			answers = true
		case answers:
			s.answer = line
		case s.command == nil:
			s.command = strings.Fields(line)
		default:
			s.nodes = append(s.nodes, strings.Fields(line))
		}
	}
	return list
}

// String returns the scenario as it is in the file.
func (s *scenario) String() string {
	lines := []string{"# " + s.says, strings.Join(s.command, " ")}
	for _, n := range s.nodes {
		lines = append(lines, strings.Join(n, " "))
	}
	return strings.Join(append(lines, "----", s.answer, ""), "\n")
}
