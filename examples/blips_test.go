package examples

import (
	"flag"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

var blipSessions = flag.Int("blips", 0, "how many sessions TestBlips holds; zero: it is left out")

// blips are faults that are over before anyone would call them one.
var blips = []struct {
	name     string
	times    int  // how often it is played: it may or may not meet an operation under way
	noneDown bool // no node fails, so none may be said to be down
	play     func(w *blipWorld)
}{
	{"a node stands still for 150 ms", 3, false, func(w *blipWorld) { w.haltNode(150 * time.Millisecond) }},
	{"a node stands still for 400 ms", 3, false, func(w *blipWorld) { w.haltNode(400 * time.Millisecond) }},
	{"an instance stands still for 300 ms", 6, true, func(w *blipWorld) { halt(w.apps[0], 300*time.Millisecond) }},
	{"12 busy loops a core for 8 s", 1, true, func(w *blipWorld) { w.hog(12*runtime.NumCPU(), 8*time.Second) }},
	{"the instances stand still for 120 of every 200 ms, for 20 s", 1, true, func(w *blipWorld) { w.throttle(20 * time.Second) }},
}

func (w *blipWorld) haltNode(d time.Duration) {
	w.servers["n2"].Stop()
	time.Sleep(d)
	w.servers["n2"].Continue()
}

func halt(p *process, d time.Duration) {
	kill(p, syscall.SIGSTOP)
	time.Sleep(d)
	kill(p, syscall.SIGCONT)
}

// hog is what other programs may do to this machine. Its loops end with this process.
func (w *blipWorld) hog(loops int, d time.Duration) {
	const loop = `while kill -0 $PPID; do i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; done`
	for range loops {
		cmd := exec.Command("sh", "-c", loop)
		if err := cmd.Start(); err != nil {
			w.t.Error(err)
			continue
		}
		defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	}
	time.Sleep(d)
}

// throttle is a limit on the processor's time: each instance has used it up after 80 ms of every 200.
func (w *blipWorld) throttle(d time.Duration) {
	end := time.Now().Add(d)
	var all sync.WaitGroup
	defer all.Wait()
	for i, p := range w.apps {
		all.Go(func() {
			time.Sleep(time.Duration(i) * 100 * time.Millisecond)
			for time.Now().Before(end) {
				halt(p, 120*time.Millisecond)
				time.Sleep(80 * time.Millisecond)
			}
		})
	}
}

// TestBlips shows what short faults cost on real processes: commands beyond what the requests need, refused requests,
// nodes that are said to be down, and time. With -strict it judges what can be counted: a blip costs as much as the
// requests that it touched, however many sessions are held, and no request is refused.
func TestBlips(t *testing.T) {
	if *blipSessions == 0 {
		t.Skip("only with -blips, see make blips")
	}
	for _, mode := range blipModes {
		t.Run(mode.name, func(t *testing.T) {
			w := startBlipWorld(t, *blipSessions, 48, mode.env...)
			defer w.begin()()
			table := blipHeader
			for _, b := range blips {
				for range b.times {
					t.Run(b.name, func(t *testing.T) {
						r := w.measure(b.play)
						row := r.row(b.name)
						t.Log(row)
						table += "\n" + row
						if *strict {
							r.judge(t, b.noneDown)
						}
					})
				}
			}
			t.Logf("%s, %d sessions; %.0f commands a second without a request, %.2f for each request\n%s",
				mode.name, *blipSessions, w.idle, w.needs, table)
		})
	}
}

// TestAStallShorterThanItsTimeoutIsNoFault checks that a request that waits for a node that stands still, or in an
// instance that does, is answered, that no node is said to be down, and that nothing is lost.
func TestAStallShorterThanItsTimeoutIsNoFault(t *testing.T) {
	for _, mode := range blipModes {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			w := startBlipWorld(t, 60, 6, append(mode.env, "MSM_OP_TIMEOUT=10s")...)
			stop := w.traffic.run()
			w.goOn(60)
			w.haltNode(150 * time.Millisecond)
			w.goOn(60)
			halt(w.apps[0], 300*time.Millisecond)
			w.goOn(60)
			stop()
			r := w.failures(reading{}, w.read())
			if r.refused > 0 || len(r.wrong) > 0 || r.downs > 0 {
				t.Errorf("%d requests refused (%s), %q; %d times a node was said to be down", r.refused, r.said, r.wrong, r.downs)
			}
		})
	}
}

// goOn waits for that many more answers.
func (w *blipWorld) goOn(answers int64) {
	w.t.Helper()
	want := w.traffic.answered.Load() + answers
	eventually(w.t, "the callers go on", func() bool { return w.traffic.answered.Load() >= want })
}
