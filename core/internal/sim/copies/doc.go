// Package copies searches the code that keeps copies for interleavings and faults that break a guarantee. It has tests
// only: several instances, several nodes and several sessions run in one synctest bubble, a seeded scheduler decides
// which operation of a node happens next and which node fails, and what clients saw is checked against what they were
// promised. Nodes die, hang, come back with what they had or without it, lose replies and values, are full, or are out of reach for
// one instance; instances die, or stand still until all that they have under way has arrived, or has run out of time; their
// clocks, lists of nodes and numbers of backups differ; handlers read, and write much later; time goes by. The seeds take turns
// with the settings of table. One that fails replays exactly:
//
//	go test ./internal/sim/copies -run 'Seed$' -seed 4711 -v
//
// With -setting all seeds play in the first setting with those words in its name. With -all the search goes on after a seed that fails.
package copies
