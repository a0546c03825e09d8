package msm

import (
	"context"
	"time"
)

// pace lets so many records pass in a second, in small portions rather than in one burst each second. It is not safe for
// concurrent use.
type pace struct {
	rate int // records a second
	next time.Time
}

// portion is how many records should pass at a time: what is due every 25 ms.
func (p *pace) portion() int { return max(1, p.rate/40) }

// wait returns when n more records may pass, or with ctx's error. Time that was not used is not saved up.
func (p *pace) wait(ctx context.Context, n int) error {
	now := time.Now()
	due := p.next
	if due.Before(now) {
		due = now
	}
	p.next = due.Add(time.Duration(n) * time.Second / time.Duration(p.rate))
	return sleep(ctx, due.Sub(now))
}

// sleep is time.Sleep that ends with ctx, and then answers its error.
func sleep(ctx context.Context, d time.Duration) error {
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
