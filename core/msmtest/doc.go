// Package msmtest helps to test programs that use msm: a manager that needs no memcached, memcached processes that can be
// killed, stopped and started again, a proxy that sees what is sent to them, and the contract that every adapter to a web
// framework has to keep.
package msmtest

import "time"

// patience with another process or goroutine of this machine, which may be busy with other things. It only ends what hangs.
const patience = 2 * time.Minute
