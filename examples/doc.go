// Package examples holds the example programs, one folder each, which are the same small app written the way each
// framework's users would write it, and websocket. Its tests build, start and drive them all, also the programs in docs.
package examples
