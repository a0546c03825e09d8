// Package msmtest helps to test programs that use msm with real parts: memcached processes that can be killed, stopped
// and started again, and a proxy that sees what is sent to them.
package msmtest
