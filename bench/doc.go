// Package bench runs other session libraries on msm's nodes, with their own tests and with ours, and measures them
// beside msm. It has tests and benchmarks only: make compat and make bench-peers run them.
package bench
