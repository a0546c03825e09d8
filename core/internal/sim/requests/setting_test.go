package requests

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// setting is the environment in which a seed plays.
type setting struct {
	name           string
	nodes, places  int // servers, and instances at a time
	sticky, sync   bool
	backups        int     // as Config.Backups
	visitors, tabs int     // each visitor has that many tabs, which send one request at a time
	flips          float64 // share of requests that the balancer sends to any instance
	faults         int
	held           int           // sessions in an instance's memory; 0: no limit
	locking        bool          // handlers of a session wait for each other, and count without Update
	patience       time.Duration // how long they wait; 0: as long as it takes
	pace           time.Duration // mean time between two requests of a tab
	lull           time.Duration // before a fault, at most
	slow           bool          // some handlers take long
	idles          bool          // sessions have short idle timeouts, and for some time are only read
	mixed          bool          // the instances differ in mode and number of backups
	lists          bool          // instances' lists of nodes change, as the most frequent fault
	damages        bool          // answers of a node are damaged, as the most frequent fault
	halts          bool          // instances are halted, as the most frequent fault
	sealed         bool          // the records are sealed
}

// drawSetting returns the setting of a seed.
func drawSetting(seed uint64, v variation) setting {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := setting{
		name: v.name, pace: 25 * time.Millisecond, lull: 800 * time.Millisecond,
		nodes: 2 + rng.IntN(2), places: 2 + rng.IntN(2), backups: 1, visitors: 2 + rng.IntN(2), tabs: 1 + rng.IntN(3), faults: 1 + rng.IntN(3),
	}
	if s.sticky = rng.IntN(5) > 1; s.sticky {
		s.sync = rng.IntN(2) == 0
		s.backups = rng.IntN(2)
		s.flips = []float64{0, 0.02, 0.2}[rng.IntN(3)]
		s.held = s.backups * []int{0, 2}[rng.IntN(2)] // a session without a backup that is in no memory ends with its node
	} else if s.locking = rng.IntN(2) == 0; s.locking {
		s.tabs++
		s.patience = []time.Duration{0, 2 * time.Second}[rng.IntN(2)]
	}
	v.make(&s, rng)
	s.sealed = rand.New(rand.NewPCG(seed, 2)).IntN(4) == 0 // by a source of its own: what else is drawn stays what it was
	return s
}

// mix gives the instances different modes. A session without a backup that is in no memory ends with its node.
func (s *setting) mix(rng *rand.Rand) {
	s.mixed, s.sticky, s.locking, s.flips = true, true, false, 0.2
	if s.backups = rng.IntN(2); s.backups == 0 {
		s.held = 0
	}
}

func (s setting) String() string {
	mode := "not sticky"
	if s.sticky {
		mode = "sticky, async"
	}
	if s.sync {
		mode = "sticky, sync"
	}
	if s.mixed {
		mode += " beside others"
	}
	if s.held > 0 {
		mode += fmt.Sprintf(" with %d sessions in memory", s.held)
	}
	if s.locking {
		mode += fmt.Sprintf(", locking (%v)", s.patience)
	}
	if s.sealed {
		mode += ", sealed"
	}
	return fmt.Sprintf("%s: %s, %d nodes, %d backups, %d instances, %d visitors with %d tabs, %.2f of the requests to a wrong instance, %d faults",
		s.name, mode, s.nodes, s.backups, s.places, s.visitors, s.tabs, s.flips, s.faults)
}

const (
	// asyncLoss is for how long before a crash an instance with asynchronous backup may lose what it has answered.
	asyncLoss = 100 * time.Millisecond
	// soon is when every instance has heard what another one did: two intervals of the probers, and a bit.
	soon = 600 * time.Millisecond
)
