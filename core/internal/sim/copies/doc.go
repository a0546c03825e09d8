// Package copies searches the code that keeps copies for interleavings and faults that break a guarantee. It has tests
// only. Several instances, nodes and sessions run in one synctest bubble of fake time. A scheduler with a seed decides
// which operation on a node happens next and which node fails. What clients saw is checked against what they were
// promised.
//
// Nodes die, hang, come back with what they had or without it, lose replies and values, are full, or are out of reach
// for one instance. Instances die, or stand still until all that they have under way has arrived or has run out of
// time. Their clocks, lists of nodes and numbers of backups differ. Handlers read, and write much later. Time goes by.
//
// The seeds take turns with the settings of table. A seed that fails replays exactly:
//
//	go test ./internal/sim/copies -run 'Seed$' -seed 4711 -v
//
// With -setting all seeds play in the first setting with those words in its name. With -all the search goes on after a
// seed that fails.
//
// Where to read what:
//   - seed_test.go: the test. settings_test.go: the settings. run_test.go: the course of a seed. found_test.go: seeds
//     that found something.
//   - world_test.go: nodes and the scheduler. instance_test.go, news_test.go and lists_test.go: instances, their
//     messages and their lists of nodes. faults_test.go: faults. time_test.go: leaps in time.
//   - visitor_test.go, login_test.go: visitors. process_test.go: requests, and what instances do by themselves.
//   - judge_test.go, copies_test.go: what is checked. trace_test.go: the log of a replay.
package copies
