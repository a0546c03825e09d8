package local

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/counter"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
)

// sender is the outbox of instance a, and what instance b reads.
type sender struct {
	t       *testing.T
	servers []*nodetest.Server
	store   *replica.Store
	outbox  *outbox
	dropped counter.Counter
	inbox   *mailbox.Inbox
	got     []mailbox.Message
}

func (s *sender) Receive(_ context.Context, _ *node.Node, list []mailbox.Message) {
	s.got = append(s.got, list...)
}

func (s *sender) CaughtUp(time.Time) {}

func newSender(t *testing.T) *sender {
	s := &sender{t: t, servers: nodetest.Several(2)}
	var members []cluster.Member
	s.inbox = mailbox.NewInbox(s, mailbox.Mail{KeyPrefix: "msm:", Clock: time.Now}, "b")
	for _, server := range s.servers {
		members = append(members, cluster.Member{Node: server.Node(server.Client("a"), node.Options{EpochKey: "epoch"})})
	}
	s.store = replica.New(replica.Config{Cluster: cluster.New(members), KeyPrefix: "msm:", Route: "a", IdleTime: time.Hour})
	s.outbox = newOutbox(s.store, "a", &s.dropped)
	for _, m := range members {
		_ = m.Node.Probe(t.Context())
	}
	s.read() // b has its mailbox from now on
	return s
}

// read has b probe the nodes, and read its messages.
func (s *sender) read() []mailbox.Message {
	s.got = nil
	for _, server := range s.servers {
		n := server.Node(server.Client("b"), node.Options{EpochKey: "epoch", Watch: mailbox.Keys("msm:", "b"), OnProbe: s.inbox.Probed})
		_ = n.Probe(s.t.Context())
	}
	s.inbox.Read(s.t.Context())
	return s.got
}

func (s *sender) send(m mailbox.Message, n int) {
	for i := range n {
		s.outbox.send(fmt.Sprint(m.Kind, i), "", "b", m)
	}
}

// run sends what waits, for that long.
func (s *sender) run(d time.Duration) {
	ctx, stop := context.WithTimeout(s.t.Context(), d)
	defer stop()
	var done sync.WaitGroup
	done.Go(func() { s.outbox.run(ctx) })
	done.Wait()
}

func kinds(list []mailbox.Message) map[mailbox.Kind]int {
	count := map[mailbox.Kind]int{}
	for _, m := range list {
		count[m.Kind]++
	}
	return count
}

// TestMessagesGoTogether: G6, rule M14. However many messages wait, an end is heard a moment later, before all others.
func TestMessagesGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSender(t)
		s.send(mailbox.Message{Kind: mailbox.Taken, Version: 1}, 4000)
		s.send(ended, 50)
		for _, server := range s.servers {
			server.Fail(nodetest.Slow(20 * time.Millisecond))
		}
		s.run(200 * time.Millisecond)
		got := s.read()
		if count := kinds(got); count[mailbox.Taken] != 4000 || count[mailbox.Ended] != 50 || s.dropped.Load() > 0 {
			t.Errorf("%v, %d dropped", count, s.dropped.Load())
		}
		if slices.ContainsFunc(got[:50], func(m mailbox.Message) bool { return m.Kind != mailbox.Ended }) {
			t.Error("ends were behind other messages")
		}
	})
}

// TestMoreMessagesThanWait: G6, rule M14. Beyond the bound messages are dropped, and counted. The reader learns that it has missed some.
func TestMoreMessagesThanWait(t *testing.T) {
	for name, m := range map[string]mailbox.Message{"takeovers": {Kind: mailbox.Taken, Version: 1}, "ends": ended} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSender(t)
				s.send(m, maxPosts+10)
				for _, server := range s.servers {
					server.Fail(nodetest.Refuse(nodetest.ErrLost))
				}
				time.AfterFunc(time.Second, func() {
					for _, server := range s.servers {
						server.Fail(nil)
					}
				})
				s.run(3 * time.Second)
				if s.dropped.Load() != 10 || kinds(s.read())[mailbox.Missed] != 1 {
					t.Errorf("%d dropped, heard %v", s.dropped.Load(), kinds(s.got))
				}
			})
		})
	}
}

// TestEndsAreSentAgain: G6, rule M14. While no node takes it an end waits; of a takeover nothing is lost.
func TestEndsAreSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSender(t)
		for _, server := range s.servers {
			server.Fail(nodetest.Refuse(nodetest.ErrLost))
		}
		s.send(ended, 3)
		s.send(mailbox.Message{Kind: mailbox.Taken, Version: 1}, 3)
		time.AfterFunc(10*time.Second, func() {
			for _, server := range s.servers {
				server.Fail(nil)
			}
		})
		s.run(11 * time.Second)
		if count := kinds(s.read()); count[mailbox.Ended] != 3 || count[mailbox.Taken] != 0 {
			t.Errorf("%v", count)
		}
	})
}

// TestEndsAreSentAtTheEnd: G6, rule M14. An instance that ends has told others of every logout.
func TestEndsAreSentAtTheEnd(t *testing.T) {
	s := newSender(t)
	s.send(ended, 3)
	s.run(0)
	if count := kinds(s.read()); count[mailbox.Ended] != 3 {
		t.Errorf("%v", count)
	}
}
