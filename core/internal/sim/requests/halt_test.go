package requests

import (
	"context"
	"time"
)

// halts is how long an instance does not run: for a moment, and for longer than messages, or requests, are remembered.
var halts = []time.Duration{200 * time.Millisecond, 12 * time.Second, 65 * time.Second}

// halt has an instance stand still, as SIGSTOP does, or a machine with too much to do. What it has sent is done, and what comes
// for it waits. The balancer sends it nothing new. Guarded by world.mu.
func (in *instance) halt() {
	in.halted, in.haltedAt = make(chan struct{}), time.Now()
	for _, s := range in.world.sessions {
		if s.at == in && in.world.set.sticky && !in.world.set.sync && s.began.After(time.Now().Add(-asyncLoss)) {
			s.fragile = true // nobody else has it
		}
	}
}

// goOn is guarded by world.mu.
func (in *instance) goOn() {
	close(in.halted)
	in.halted, in.wentOn = nil, time.Now()
	in.world.note("%s goes on", in.name)
}

// run returns when the instance runs; who waits for that goes on at a moment of its own. Timers end meanwhile, as all of them do
// when a process goes on; nothing that follows from that leaves the process.
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

// stoodStill: the instance did, during the request. Guarded by world.mu.
func (in *instance) stoodStill(o *op) bool { return in.halted != nil || in.wentOn.After(o.began) }
