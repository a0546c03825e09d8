package mailbox_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/sid"
)

var begin = time.Unix(1_800_000_000, 0)

const (
	key  = "msm:news"
	size = 65 // bytes of a message
)

// mail writes as every instance does.
var mail = mailbox.Mail{KeyPrefix: "msm:", Clock: time.Now}

// about returns a message about the session of that number.
func about(n int, at time.Time) mailbox.Message {
	return mailbox.Message{Kind: mailbox.Taken, Session: sid.Hash{byte(n), byte(n >> 8), byte(n >> 16)}, Version: 1 << 40, At: at}
}

// receiver keeps what it receives.
type receiver struct {
	list []mailbox.Message
	at   time.Time
}

func (r *receiver) Receive(_ context.Context, _ *node.Node, list []mailbox.Message) {
	r.list = append(r.list, list...)
}
func (r *receiver) CaughtUp(at time.Time) { r.at = at }

// world is some nodes, and an instance that reads the mailboxes on them.
type world struct {
	t        *testing.T
	servers  []*nodetest.Server
	nodes    []*node.Node
	inbox    *mailbox.Inbox
	receiver receiver
	now      time.Time
}

func newWorld(t *testing.T, nodes int) *world {
	w := &world{t: t, servers: nodetest.Several(nodes), now: begin}
	w.inbox = mailbox.NewInbox(&w.receiver, mailbox.Mail{KeyPrefix: "msm:", Clock: func() time.Time { return w.now }}, "")
	for _, s := range w.servers {
		w.nodes = append(w.nodes, s.Node(s.Client(""), node.Options{EpochKey: "epoch", Watch: []string{key}, OnProbe: w.probed}))
	}
	w.read()
	return w
}

func (w *world) probed(n *node.Node, mailboxes map[string]memcache.Item, _ time.Time) {
	w.inbox.Probed(n, mailboxes, w.now)
}

// read has the instance probe all nodes, and receive what is new.
func (w *world) read() {
	w.t.Helper()
	for _, n := range w.nodes {
		if err := n.Probe(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
	w.inbox.Read(w.t.Context())
}

func (w *world) post(at int, m mailbox.Message) {
	w.t.Helper()
	if err := mail.Post(w.t.Context(), w.nodes[at], "", m); err != nil {
		w.t.Fatal(err)
	}
}

// receives checks that exactly these messages are new now.
func (w *world) receives(want ...mailbox.Message) {
	w.t.Helper()
	w.receiver.list = nil
	w.read()
	if !slices.Equal(w.receiver.list, want) {
		w.t.Errorf("received %v; want %v", w.receiver.list, want)
	}
	if !w.receiver.at.Equal(w.now) {
		w.t.Errorf("it has caught up with %v; want %v", w.receiver.at, w.now)
	}
}

// TestEachMessageIsReceivedOnce: no matter on how many nodes it lies, and what becomes of these.
func TestEachMessageIsReceivedOnce(t *testing.T) {
	w := newWorld(t, 2)
	w.receives()
	w.post(0, about(1, begin))
	w.post(1, about(1, begin))
	w.receives(about(1, begin))
	w.receives()
	w.post(1, about(2, begin))
	w.post(1, about(3, begin))
	w.receives(about(2, begin), about(3, begin))
	w.servers[1].Restart(nil)
	w.receives()
	w.post(1, about(4, begin)) // with the same tokens as before the restart
	w.post(1, about(5, begin))
	w.receives(about(4, begin), about(5, begin))
}

// TestManyPostAtOnce: of messages that are posted at the same time none is lost.
func TestManyPostAtOnce(t *testing.T) {
	w := newWorld(t, 1)
	var all sync.WaitGroup
	for i := range 500 {
		all.Go(func() {
			if err := mail.Post(t.Context(), w.nodes[0], "", about(i, begin)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	w.read()
	if len(w.receiver.list) != 500 {
		t.Errorf("%d of 500 messages", len(w.receiver.list))
	}
}

// TestOldMessagesGo: a message goes when every instance has had time to read it, even if their clocks differ by half a
// minute.
func TestOldMessagesGo(t *testing.T) {
	w := newWorld(t, 1)
	other := newWorld(t, 0) // it has another clock, and the same node
	other.now = begin.Add(30 * time.Second)
	other.servers = w.servers
	s := w.servers[0]
	other.nodes = []*node.Node{s.Node(s.Client(""), node.Options{EpochKey: "epoch", Watch: []string{key}, OnProbe: other.probed})}
	for i := range 3 {
		w.post(0, about(i, begin.Add(time.Duration(i)*time.Second)))
	}
	w.read()
	other.read()
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{25 * time.Second, 4}, {44 * time.Second, 5}, {61 * time.Second, 1}} {
		w.post(0, about(9, w.now))
		w.now, other.now = begin.Add(c.after), begin.Add(c.after+30*time.Second)
		other.read()
		w.read()
		if n := len(s.Value(key)) / size; n != c.want {
			t.Errorf("%v later %d messages are there; want %d", c.after, n, c.want)
		}
	}
}

// TestAMailboxIsBounded: a mailbox that takes no more loses its oldest messages.
func TestAMailboxIsBounded(t *testing.T) {
	w := newWorld(t, 1)
	s := w.servers[0]
	w.post(0, about(0, begin))
	one := s.Value(key)
	fill := func(messages int) {
		t.Helper()
		var value []byte
		for i := range messages {
			m := slices.Clone(one[:size-checksum.Size])
			copy(m[1:], []byte{byte(i), byte(i >> 8), byte(i >> 16)})
			value = append(value, checksum.Append(m)...)
		}
		item, err := s.Memory().Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Memory().CompareAndSwap(t.Context(), key, memcache.Item{Value: value, Token: item.Token}, 0); err != nil {
			t.Fatal(err)
		}
	}
	fill(10_000)
	w.read()
	if n := len(w.receiver.list); n != 10_000 {
		t.Errorf("%d messages are received that were posted at one moment", n)
	}
	if n := len(s.Value(key)) / size; n != 4096 {
		t.Errorf("%d messages stay", n)
	}
	fill(16_000)
	s.Fail(nodetest.Only(nodetest.Of(nodetest.Append), nodetest.Refuse(memcache.ErrTooLarge))) // memcached's 1 MB
	w.post(0, about(70_000, begin))
	w.receiver.list = nil
	w.read()
	if got := w.receiver.list[len(w.receiver.list)-1]; got != about(70_000, begin) || len(w.receiver.list) != 4097 {
		t.Errorf("%d messages, the last one %v", len(w.receiver.list), got)
	}
}

// TestARest: bytes that are no message are ignored.
func TestARest(t *testing.T) {
	w := newWorld(t, 1)
	w.post(0, about(1, begin))
	if err := w.nodes[0].Append(t.Context(), key, []byte("rest")); err != nil {
		t.Fatal(err)
	}
	w.receives(about(1, begin))
}

// TestAMailboxThatIsDamagedOnItsWay: messages that could not be read are received later, by others as well. Until then
// not all counts as received.
func TestAMailboxThatIsDamagedOnItsWay(t *testing.T) {
	for at := range 2 * size {
		w := newWorld(t, 1)
		w.post(0, about(1, begin))
		w.receives(about(1, begin))
		w.receiver.list, w.now = nil, begin.Add(2*time.Minute) // so that the first one is to go
		w.post(0, about(2, w.now))
		item, err := w.servers[0].Memory().Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		lies := slices.Clone(item.Value)
		item.Value[at] ^= 0x80
		w.inbox.Probed(w.nodes[0], map[string]memcache.Item{key: item}, w.now)
		w.inbox.Read(t.Context())
		if !w.receiver.at.Equal(begin) {
			t.Errorf("byte %d: all counts as received", at)
		}
		if !slices.Equal(w.servers[0].Value(key), lies) {
			t.Errorf("byte %d: the mailbox is changed", at)
		}
		w.read()
		if want := []mailbox.Message{about(2, w.now)}; !slices.Equal(w.receiver.list, want) || !w.receiver.at.Equal(w.now) {
			t.Errorf("byte %d: received %v", at, w.receiver.list)
		}
	}
}

// TestAFaultyNode: a message that cannot be posted is an error.
func TestAFaultyNode(t *testing.T) {
	for _, err := range []error{nodetest.ErrOff, nodetest.ErrLost, nodetest.ErrFull} {
		w := newWorld(t, 1)
		w.servers[0].Fail(nodetest.Only(nodetest.Writes(""), nodetest.Refuse(err)))
		if posted := mail.Post(t.Context(), w.nodes[0], "", about(1, begin)); posted == nil {
			t.Errorf("%v: it is told that it was", err)
		}
	}
}

func ExampleKeys() {
	fmt.Println(mailbox.Keys("msm:", ""), mailbox.Keys("msm:", "a"))
	// Output: [msm:news] [msm:news msm:news:a]
}

// TestForget: G9. Nothing is remembered of a node that has left the list.
func TestForget(t *testing.T) {
	w := newWorld(t, 2)
	for _, n := range w.nodes {
		if err := mail.Post(t.Context(), n, "", about(1, begin)); err != nil {
			t.Fatal(err)
		}
	}
	w.read()
	for i, n := range w.nodes {
		w.inbox.Forget(n)
		w.inbox.Read(t.Context())
		if left, want := w.inbox.Mailboxes(), len(w.nodes)-1-i; left != want {
			t.Errorf("%d mailboxes are remembered; want %d", left, want)
		}
	}
}
