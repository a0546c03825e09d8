// Package requests searches whole managers for interleavings and faults that break a guarantee. It has tests only: in a
// synctest bubble several instances, each a Manager with its real client, node health, probers and memory, serve the
// requests of visitors on memcached servers in memory, which fail. When a server does what it was sent is decided by the
// seed, in fake time, and so is everything else. The seeds take turns with the settings of table: beside faults of nodes and
// instances there are slow handlers, instances that stand still, idle sessions, lists of nodes and modes that differ. A refusal
// needs a reason in the faults, too. A seed that fails replays exactly:
//
//	go test ./internal/sim/requests -run Seed -seed 4711 -v
//
// With -setting all seeds play in the first setting with those words in its name.
package requests
