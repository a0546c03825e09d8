// Package examples holds the example programs, one folder each: the same small app, written as users of each framework
// would write it, and websocket. Its tests build, start and drive them all, and also the programs in docs.
package examples
