// Package msmtest helps to test programs that use msm:
//   - NewManager (manager.go) returns a manager that needs no memcached.
//   - Server (server.go, on unix only) is a memcached process that can be killed, stopped and started again.
//   - Proxy (proxy.go) records the commands that are sent to a server; FaultProxy (faultproxy.go) is a network with
//     faults.
//   - TestAdapter (adapter.go) checks the contract that every adapter to a web framework has to keep. Its cases are in
//     the files adapter_*.go, listed in adapter_suite.go.
package msmtest

import "time"

// patience is how long to wait for another process or goroutine of this machine, which may be busy with other things.
// It only ends what hangs.
const patience = 2 * time.Minute
