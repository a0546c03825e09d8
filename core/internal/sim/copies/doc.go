// Package copies searches the code that keeps copies for interleavings and faults that break a guarantee. It has tests
// only: several instances, several nodes and several sessions run in one synctest bubble, a seeded scheduler decides
// which operation of a node happens next and which node fails, and what clients saw is checked against what they were
// promised. A seed that fails replays exactly:
//
//	go test ./internal/sim/copies -run Seed -seed 4711
package copies
