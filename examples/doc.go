// Package examples holds the example programs, one folder each, which are the same small app written the way each
// framework's users would write it. Its tests build, start and drive them all alike.
package examples
