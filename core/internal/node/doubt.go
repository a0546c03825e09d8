package node

import (
	"sync/atomic"
	"time"
)

// returned is how long the data of a node are doubted after it has come back. By then the instances that did without
// it, which probe it at least once a second, have delivered what they owe it: their hints.
const returned = 2 * time.Second

// doubt says until when what an available node has may be stale (rule N13).
type doubt struct {
	until atomic.Int64 // in Unix nanoseconds; 0: it never was
}

// set has the doubt end in that time, or later if the node has just come back.
func (d *doubt) set(life time.Duration) {
	d.until.Store(time.Now().Add(max(life, returned)).UnixNano())
}

// comeBack starts the doubt of a node that has come back.
func (d *doubt) comeBack() {
	if until := time.Now().Add(returned).UnixNano(); until > d.until.Load() {
		d.until.Store(until)
	}
}

func (d *doubt) active() bool {
	until := d.until.Load()
	return until != 0 && time.Now().UnixNano() < until
}
