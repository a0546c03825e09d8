package examples

import (
	"context"
	"sync"
	"time"
)

// stallLog measures when, and for how long, this machine did not run the test.
type stallLog struct {
	mu     sync.Mutex
	stalls []chaosRequest
	stop   context.CancelFunc
}

const stallStep = 2 * time.Millisecond

func startStallLog() *stallLog {
	ctx, stop := context.WithCancel(context.Background())
	l := &stallLog{stop: stop}
	go func() {
		for ctx.Err() == nil {
			began := time.Now()
			time.Sleep(stallStep)
			if late := time.Since(began) - stallStep; late > stallStep {
				l.mu.Lock()
				l.stalls = append(l.stalls, chaosRequest{at: began, took: late})
				l.mu.Unlock()
			}
		}
	}()
	return l
}

// worst returns the longest stall between two moments.
func (l *stallLog) worst(from, to time.Time) (worst time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.stalls {
		if s.at.Before(to) && s.at.Add(s.took).After(from) {
			worst = max(worst, s.took)
		}
	}
	return worst
}
