package requests

import (
	"context"
	"time"
)

// halts are the times for which an instance does not run: a moment, and longer than messages, or requests, are
// remembered.
var halts = []time.Duration{200 * time.Millisecond, 12 * time.Second, 65 * time.Second}

// halt has an instance stand still, as SIGSTOP does, or a machine with too much to do. What it has sent is done, and
// what comes for it waits. The balancer sends it nothing new. Guarded by world.mu.
func (in *instance) halt() {
	in.halted, in.haltedAt = make(chan struct{}), time.Now()
	for _, s := range in.world.sessions {
		if s.at == in && in.world.set.sticky && !in.world.set.sync && s.began.After(time.Now().Add(-asyncLoss)) {
			s.fragile = true // no other instance has it, and no node
		}
	}
}

// goOn ends a halt. Guarded by world.mu.
func (in *instance) goOn() {
	close(in.halted)
	in.halted, in.wentOn = nil, time.Now()
	in.world.note("%s goes on", in.name)
}

// run returns once the instance runs. Each caller that has waited goes on at a moment of its own. Timers end while the
// instance is halted, as all of them do when a process goes on; but nothing that follows from that leaves the process.
func (in *instance) run(who string) {
	for {
		in.world.mu.Lock()
		halted := in.halted
		in.world.mu.Unlock()
		if halted == nil {
			return
		}
		select {
		case <-halted:
		case <-in.crashed:
		}
		in.source.Pause(in.source.As(context.Background(), who))
	}
}

// stoodStill reports whether the instance was halted during the request. Guarded by world.mu.
func (in *instance) stoodStill(o *op) bool { return in.halted != nil || in.wentOn.After(o.began) }
