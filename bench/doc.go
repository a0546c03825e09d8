// Package bench runs other session libraries on msm's nodes, with their own tests and with ours, and measures them beside
// msm. All of it is tests: make compat and make bench-peers run it.
package bench
