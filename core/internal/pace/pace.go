// Package pace is a rate limiter for work that nobody waits for, which also keeps it from taking more than its share of
// the nodes' time.
package pace

import (
	"context"
	"time"
)

const (
	// share is the inverse of the work's largest share of the time, a tenth. So nodes that answer ten times as slowly
	// are asked a tenth as often.
	share = 10
	// least is the inverse of the part of the rate that passes all the same, a twentieth: sessions with a single copy
	// cannot wait forever.
	least = 20
)

// Pace lets a number of records pass in a second, and fewer if the nodes answer slowly. They pass in small portions,
// not in one burst each second. It is not safe for concurrent use.
type Pace struct {
	rate int       // records a second
	next time.Time // when the next ones may pass
}

// New returns a pace for that rate, in records a second, which must be positive.
func New(rate int) *Pace { return &Pace{rate: rate} }

// Portion returns how many records should pass at a time: what is due every 25 ms, one at least.
func (p *Pace) Portion() int { return max(1, p.rate/40) }

// Wait waits until n more records may pass, or returns ctx's error. Time that was not used is not saved up.
func (p *Pace) Wait(ctx context.Context, n int) error { return Sleep(ctx, p.Reserve(n)) }

// Reserve is Wait for a caller that waits itself: it returns for how long.
func (p *Pace) Reserve(n int) time.Duration {
	now := time.Now()
	due := p.next
	if due.Before(now) {
		due = now
	}
	p.next = due.Add(p.of(n))
	return due.Sub(now)
}

// Took tells how long it took to do n records. The next ones wait until that was no more than their share of the time.
func (p *Pace) Took(d time.Duration, n int) {
	rest := min((share-1)*d, least*p.of(n))
	if due := time.Now().Add(rest); due.After(p.next) {
		p.next = due
	}
}

// of returns how long n records take at the rate.
func (p *Pace) of(n int) time.Duration { return time.Duration(n) * time.Second / time.Duration(p.rate) }

// Sleep waits for the time d. If ctx ends before, it returns ctx's error at once.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
