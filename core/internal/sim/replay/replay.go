// Package replay compares two plays of one seed of a simulation.
package replay

import (
	"fmt"
	"strings"
)

// before is how many lines are shown in front of the first one that differs.
const before = 10

// Difference says where two traces of a play first differ; empty: nowhere.
func Difference(first, again []string) string {
	for i := range min(len(first), len(again)) {
		if first[i] != again[i] {
			return fmt.Sprintf("line %d is not the same again, after\n%s\n\n%s\n%s", i,
				strings.Join(first[max(0, i-before):i], "\n"), first[i], again[i])
		}
	}
	if len(first) != len(again) {
		return fmt.Sprintf("%d lines, and then %d", len(first), len(again))
	}
	return ""
}
