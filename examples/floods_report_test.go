package examples

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// floodReport is what became of the visitors and the instances in a flood.
type floodReport struct {
	sent     int // requests of the strangers
	visits   int // answers to the visitors
	p50, p99 time.Duration
	memory   int // bytes of the largest instance
	failures blipReport
}

// strangers is how many send at a time.
const strangers = 64

// flood has the strangers send for some time, to both instances.
func (w *blipWorld) flood(next func() *http.Request) (r floodReport) {
	w.t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: strangers}}
	defer client.CloseIdleConnections()
	ctx, stop := context.WithTimeout(context.Background(), max(*floodFor, time.Nanosecond))
	defer stop()
	begin, sent := w.read(), make([]int, strangers)
	var all sync.WaitGroup
	for i := range sent {
		all.Go(func() {
			for ; ctx.Err() == nil || *floodFor == 0 && !w.hasSeen(begin, sent[i]); sent[i]++ {
				w.sendStrange(client, next(), i)
			}
		})
	}
	all.Wait()
	end := w.read()
	for _, n := range sent {
		r.sent += n
	}
	r.visits, r.failures = end.answered-begin.answered, w.failures(begin, end)
	r.p50, r.p99 = percentiles(w.traffic.between(begin.at, end.at))
	for _, p := range w.apps {
		r.memory = max(r.memory, p.memory())
	}
	return r
}

// hasSeen reports whether a stranger has sent a few requests, and the visitors have been answered meanwhile.
func (w *blipWorld) hasSeen(begin reading, sent int) bool {
	return sent >= 10 && int(w.traffic.answered.Load())-begin.answered >= 2*len(w.traffic.held)
}

// sendStrange sends a stranger's request to one of the instances, and reads what comes.
func (w *blipWorld) sendStrange(client *http.Client, r *http.Request, turn int) {
	to := w.apps[turn%len(w.apps)].url
	r.URL.Scheme, r.URL.Host, _ = strings.Cut(to, "://")
	resp, err := client.Do(r)
	if err != nil {
		w.t.Errorf("a stranger's request: %v", err)
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
}

// memory returns how many bytes of memory the process has; zero where the system has no /proc.
func (p *process) memory() int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	var all, resident int
	if _, err := fmt.Sscan(string(text), &all, &resident); err != nil {
		p.t.Error(err)
	}
	return resident * os.Getpagesize()
}

// floodHeader names the columns of a report.
const floodHeader = "| flood | strangers' requests | visits | visitors' p50/p99, ms | 5xx | wrong | memory of an instance |\n" +
	"| --- | --- | --- | --- | --- | --- | --- |"

func (r floodReport) row(name string) string {
	return fmt.Sprintf("| %s | %d | %d | %.1f/%.1f | %d | %d | %d MiB |", name, r.sent, r.visits,
		r.p50.Seconds()*1000, r.p99.Seconds()*1000, r.failures.refused, len(r.failures.wrong), r.memory>>20)
}

// floodMemory is more than an instance may need: twice what it may hold, and what the program takes by itself.
const floodMemory = 256 << 20

// judgeFlood checks what the visitors have noticed. calm is how long one in a hundred of them waits beside strangers who
// need no session.
func (w *blipWorld) judgeFlood(t *testing.T, name string, r floodReport, calm time.Duration) {
	t.Helper()
	if r.visits == 0 {
		t.Errorf("%s: no visitor came", name)
	}
	if r.failures.refused > 0 || r.failures.conflicts > 0 || len(r.failures.wrong) > 0 || r.failures.downs > 0 {
		t.Errorf("%s: %d refused (%s), %d conflicts, %q, %d times a node was said to be down",
			name, r.failures.refused, r.failures.said, r.failures.conflicts, r.failures.wrong, r.failures.downs)
	}
	if *strict && r.p99 > 3*calm {
		t.Errorf("%s: one in a hundred visitors waited %v; beside requests without a session it is %v", name, r.p99, calm)
	}
	if *strict && r.memory > floodMemory {
		t.Errorf("%s: an instance has %d MiB", name, r.memory>>20)
	}
}
