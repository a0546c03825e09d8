package local

import (
	"errors"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// pending are the changes of a session that no node is known to have, oldest first. They lie in batches, one for each
// write that tried to store them and whose outcome is not known. A record that has the id of a batch among its requests
// has the changes of that batch and of all before it.
type pending struct {
	batches     []batch
	changes     int // in all batches
	requests    int // that made these changes
	compactions int // how often compact was called
}

// batch are changes that one write tries to store together.
type batch struct {
	request  uint64 // id of that write; 0: none has begun
	changes  []replica.Change
	requests int
}

// The limits of what is remembered as changes. Beyond them it is remembered as a difference of values; see diff.
const (
	maxBatches        = 8
	maxChanges        = 1024
	maxStrandedChange = 16 // while no node is available, so that changes do not pile up in every session
)

// add appends the change of one request to the batch that no write has tried yet.
func (p *pending) add(c replica.Change) {
	if n := len(p.batches); n == 0 || p.batches[n-1].request != 0 {
		p.batches = append(p.batches, batch{})
	}
	b := &p.batches[len(p.batches)-1]
	b.changes = append(b.changes, c)
	b.requests++
	p.changes++
	p.requests++
}

// begin gives the changes that no write has tried yet to the write with that id.
func (p *pending) begin(request uint64) {
	if n := len(p.batches); n == 0 || p.batches[n-1].request != 0 {
		p.batches = append(p.batches, batch{})
	}
	p.batches[len(p.batches)-1].request = request
}

// addTo appends a change to the batch of the write with that id.
func (p *pending) addTo(request uint64, c replica.Change) {
	for i := range p.batches {
		if b := &p.batches[i]; b.request == request {
			b.changes = append(b.changes, c)
			b.requests++
			p.changes++
			p.requests++
			return
		}
	}
	p.add(c) // the batch was compacted
}

// drop removes the first n batches, and returns how many requests made their changes.
func (p *pending) drop(n int) (requests int) {
	for _, b := range p.batches[:n] {
		p.changes -= len(b.changes)
		p.requests -= b.requests
		requests += b.requests
	}
	p.batches = p.batches[n:]
	if len(p.batches) == 0 {
		p.batches = nil
	}
	return requests
}

// compact replaces all changes by one, which makes the same difference.
func (p *pending) compact(c replica.Change) {
	p.batches = []batch{{changes: []replica.Change{c}, requests: p.requests}}
	p.changes = 1
	p.compactions++
}

// missing returns the batches whose changes a record does not have yet.
func missing(batches []batch, rec *record.Record) []batch {
	for i := len(batches) - 1; i >= 0; i-- {
		if replica.HasRequest(rec, batches[i].request) {
			return batches[i+1:]
		}
	}
	return batches
}

// replay makes the changes in their order. It leaves out those that fail, each as a whole, and returns their errors.
func replay(changes []replica.Change, rec *record.Record) (failed error) {
	for _, c := range changes {
		draft := rec.Draft()
		if err := c(draft); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		rec.TakeValues(draft)
	}
	return failed
}
