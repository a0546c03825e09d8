// Package mutants shows that the searches for broken guarantees would find one. It has tests only: a list of rules that
// this module keeps, each with its id in docs/design.md and the edit that takes it out. A mutant is the module with one
// edit, built beside the tree with an overlay; the simulation, or the test on real processes, that is named with it has
// to go red.
//
//	go test ./internal/mutants -run Mutants -mutants -v -timeout 1h
//
// Without the flag only the list is checked: every edit still fits the tree, and every id is on the page. A rule whose
// code has changed gets its edit changed in the same commit.
package mutants
