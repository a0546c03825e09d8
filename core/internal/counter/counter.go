// Package counter is how everything in this module counts: a counter is a field of type Counter in a struct of its
// package, and one Add where it happens. The field of the same name in what users read is filled by Read.
package counter

import (
	"reflect"
	"sync/atomic"
)

// Counter counts since the start of its owner. It is safe for concurrent use, and ready as its zero value.
type Counter = atomic.Uint64

// Read sets the fields of the struct into, which is a pointer, to the counters of the same names in the struct from, also
// a pointer. A counter without such a field of type uint64 is a fault of the program: Read panics.
func Read(from, into any) {
	counters, fields := reflect.ValueOf(from).Elem(), reflect.ValueOf(into).Elem()
	for i := range counters.NumField() {
		if c, ok := counters.Field(i).Addr().Interface().(*Counter); ok {
			fields.FieldByName(counters.Type().Field(i).Name).SetUint(c.Load())
		}
	}
}
