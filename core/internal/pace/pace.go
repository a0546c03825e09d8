// Package pace keeps work that nobody waits for from taking more than its share of the nodes' time.
package pace

import (
	"context"
	"time"
)

const (
	// share is one part of the time in so many, which the work takes at most: what answers ten times as slowly is asked a tenth as often.
	share = 10
	// least is one part of the rate in so many that passes all the same: sessions with a single copy cannot wait for ever.
	least = 20
)

// Pace lets so many records pass in a second, in small portions rather than in one burst each second, and fewer if the nodes
// answer slowly. It is not safe for concurrent use.
type Pace struct {
	rate int // records a second
	next time.Time
}

// New makes a pace of a rate, in records a second.
func New(rate int) *Pace { return &Pace{rate: rate} }

// Portion is how many records should pass at a time: what is due every 25 ms.
func (p *Pace) Portion() int { return max(1, p.rate/40) }

// Wait returns when n more records may pass, or with ctx's error. Time that was not used is not saved up.
func (p *Pace) Wait(ctx context.Context, n int) error {
	now := time.Now()
	due := p.next
	if due.Before(now) {
		due = now
	}
	p.next = due.Add(p.of(n))
	return Sleep(ctx, due.Sub(now))
}

// Took says how long it took to do n records. The next ones wait until that was their share of the time.
func (p *Pace) Took(d time.Duration, n int) {
	rest := min((share-1)*d, least*p.of(n))
	if due := time.Now().Add(rest); due.After(p.next) {
		p.next = due
	}
}

// of is how long n records take at the rate.
func (p *Pace) of(n int) time.Duration { return time.Duration(n) * time.Second / time.Duration(p.rate) }

// Sleep is time.Sleep that ends with ctx, and then returns its error.
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
