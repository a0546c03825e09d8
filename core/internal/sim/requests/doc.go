// Package requests searches whole managers for interleavings and faults that break a guarantee. It has tests only. In a
// synctest bubble of fake time several instances serve the requests of visitors. Each is a Manager with its real
// client, node health, probers and memory. The memcached servers are in memory, and fail. When a server does what it
// was sent is decided by the seed, and so is everything else.
//
// The seeds take turns with the settings of table: beside faults of nodes and instances there are slow handlers,
// instances that stand still, idle sessions, and lists of nodes and modes that differ. A refusal needs a reason in the
// faults, too. A seed that fails replays exactly:
//
//	go test ./internal/sim/requests -run Seed -seed 4711 -v
//
// With -setting all seeds play in the first setting with those words in its name.
//
// Where to read what:
//   - seed_test.go, replay_test.go: the tests. table_test.go, setting_test.go: the settings. stage_test.go: the course
//     of a seed.
//   - world_test.go: what everything shares, and chance. server_test.go, wire_test.go: servers and the network.
//     instance_test.go, app_test.go: instances and the app that they run.
//   - visitor_test.go: visitors and the load balancer. request_test.go: their requests. session_test.go: what a
//     visitor was promised. check_test.go: what is checked.
//   - fault_test.go: faults. halt_test.go, lists_test.go, locks_test.go, slow_test.go, idle_test.go: what some settings
//     add.
package requests
