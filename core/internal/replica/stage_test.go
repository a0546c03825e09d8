package replica_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// stage is where the scenarios of testdata are played: nodes, instances, and a visitor with one session. The first line
// of a scenario is "3 nodes, 1 backup" and, if there are several instances, ", instances a b". Unless the next one is
// "begin", the session is there already: its value is 1, its home n1, its backup n2. The lines after it:
//
//	begin, read, set 2, end         a request of the visitor, through instance a
//	b: read                         through instance b
//	read by n1                      with an old cookie, which names n1
//	then set 2                      the request before goes on
//	n1 is down                      or up, hanging, mute (it does what it is asked, and its answers are lost), empty
//	n1 is cut off from a            until "n1 is up"
//	a dies after 1                  a's next request ends after it has stored so many copies
//	probe                           every instance probes every node, and does what others ask for in messages
//	deliver                         every instance brings the nodes what they are owed
//	copies                          tells what the nodes have
//
// What comes of them are the operations on the nodes, in order, and the results. A record is told as term/version,
// value, and where it lies, the home first.
type stage struct {
	t         *testing.T
	servers   []*nodetest.Server
	instances []*instance
	cookie    string // node that the visitor's newest cookie names

	mu    sync.Mutex
	lines []string // what has come since seen was called; guarded by mu, as is instance.left
}

// instance is an app process.
type instance struct {
	stage  *stage
	name   string
	store  *replica.Store
	nodes  []*node.Node
	inbox  *mailbox.Inbox
	cut    map[string]bool // nodes that it does not reach
	access *replica.Access // of its last request

	left int // copies that it stores before it dies; below 0: it lives on
	die  context.CancelFunc
}

func newStage(t *testing.T, line string) *stage {
	t.Helper()
	sizes, names, several := strings.Cut(line, ", instances ")
	var nodes, backups int
	if _, err := fmt.Sscanf(strings.ReplaceAll(sizes, "backups", "backup"), "%d nodes, %d backup", &nodes, &backups); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if !several {
		names = "a"
	}
	p := &stage{t: t, servers: nodetest.Several(nodes)}
	for _, name := range strings.Fields(names) {
		p.instances = append(p.instances, p.newInstance(name, backups))
	}
	p.probe()
	return p
}

func (p *stage) newInstance(name string, backups int) *instance {
	in := &instance{stage: p, name: name, cut: map[string]bool{}, left: -1}
	in.inbox = mailbox.NewInbox(in, mailbox.Mail{KeyPrefix: "msm:", Clock: time.Now}, "")
	var members []cluster.Member
	for i, s := range p.servers {
		way := s.Client(name)
		way.Fail(in.watch(s, time.Duration(i+1)*time.Millisecond))
		n := s.Node(way, node.Options{EpochKey: "epoch", Watch: []string{mailbox.Key("msm:", "")}, OnProbe: in.inbox.Probed})
		in.nodes = append(in.nodes, n)
		members = append(members, cluster.Member{Node: n})
	}
	in.store = replica.New(replica.Config{Cluster: cluster.New(members), Backups: backups, KeyPrefix: "msm:", IdleTime: 30 * time.Minute})
	return in
}

// watch returns a fault of the way to a server that tells what is done on it. Each way takes its own time, so that
// operations that begin together end in the order of the nodes.
func (in *instance) watch(s *nodetest.Server, takes time.Duration) nodetest.Fault {
	return func(_ context.Context, op nodetest.Op, do func() error) error {
		time.Sleep(takes)
		if in.cut[s.ID()] {
			do = func() error { return nodetest.ErrOff }
		}
		err := do()
		if op.Key != "epoch" {
			in.stage.tell("%s%s %s: %s", in.prefix(), s.ID(), op.Kind, outcomeOf(s, op, err))
		}
		if op.Key == key && op.Write() && err == nil {
			in.hasStored()
		}
		return err
	}
}

// hasStored ends the instance's request if that was the last copy that it stores before it dies.
func (in *instance) hasStored() {
	in.stage.mu.Lock()
	defer in.stage.mu.Unlock()
	if in.left--; in.left == 0 {
		in.die()
	}
}

// prefix names the instance, if there are several.
func (in *instance) prefix() string {
	if len(in.stage.instances) == 1 {
		return ""
	}
	return in.name + ": "
}

func outcomeOf(s *nodetest.Server, op nodetest.Op, err error) string {
	switch {
	case errors.Is(err, memcache.ErrMiss):
		return "nothing"
	case err != nil:
		return err.Error()
	case op.Key != key && op.Write():
		return "a message"
	case op.Key != key:
		return "messages"
	}
	return describe(recordOn(s))
}

func recordOn(s *nodetest.Server) *record.Record {
	rec, err := record.Decode(s.Value(key))
	if err != nil {
		return nil
	}
	return rec
}

func describe(rec *record.Record) string {
	if rec == nil {
		return "nothing"
	}
	text := fmt.Sprintf("%d/%d ", rec.Term, rec.Version)
	if value, has := rec.Get("n"); has && !rec.Tombstone {
		text += "n=" + string(value)
	} else {
		text += "ended"
	}
	on := []string{rec.Home}
	for _, c := range rec.Copies {
		if c.Node != rec.Home {
			on = append(on, c.Node)
		}
	}
	text += " on " + strings.Join(on, " ")
	if rec.Unsettled {
		text += ", unsettled"
	}
	return text
}

func (p *stage) tell(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, fmt.Sprintf(format, args...))
}

// seen returns what has come of the lines since it was called last.
func (p *stage) seen() (lines []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines, p.lines = p.lines, nil
	return lines
}
