// Package requests searches whole managers for interleavings and faults that break a guarantee. It has tests only: in a
// synctest bubble several instances, each a Manager with its real client, node health, probers and memory, serve the
// requests of visitors on memcached servers in memory, which fail. When a server does what it was sent is decided by the
// seed, in fake time, and so is everything else; a seed that fails replays exactly:
//
//	go test ./internal/sim/requests -run Seed -seed 4711 -v
package requests
