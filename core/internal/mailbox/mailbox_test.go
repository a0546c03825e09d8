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
	board = "msm:news"
	size  = 49 // bytes of a message
)

// about returns a message about the session of that number.
func about(n int, at time.Time) mailbox.Message {
	return mailbox.Message{Kind: mailbox.Taken, Session: sid.Hash{byte(n), byte(n >> 8), byte(n >> 16)}, Version: 1 << 40, At: at}
}

// ear is a reader that keeps what it hears.
type ear struct {
	list []mailbox.Message
	at   time.Time
}

func (e *ear) Hear(_ context.Context, _ *node.Node, list []mailbox.Message) {
	e.list = append(e.list, list...)
}
func (e *ear) Heard(at time.Time) { e.at = at }

// world is some nodes, and an instance that reads the boards on them.
type world struct {
	t       *testing.T
	servers []*nodetest.Server
	nodes   []*node.Node
	inbox   *mailbox.Inbox
	ear     ear
	now     time.Time
}

func newWorld(t *testing.T, nodes int) *world {
	w := &world{t: t, servers: nodetest.Several(nodes), now: begin}
	w.inbox = mailbox.NewInbox(&w.ear, func() time.Time { return w.now })
	for _, s := range w.servers {
		w.nodes = append(w.nodes, s.Node(s.Client(""), node.Options{EpochKey: "epoch", Watch: []string{board}, OnProbe: w.look}))
	}
	w.read()
	return w
}

func (w *world) look(n *node.Node, boards map[string]memcache.Item, _ time.Time) {
	w.inbox.Look(n, boards, w.now)
}

// read has the instance probe all nodes, and hear what is new.
func (w *world) read() {
	w.t.Helper()
	for _, n := range w.nodes {
		if err := n.Probe(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
	w.inbox.Read(w.t.Context())
}

func (w *world) leave(at int, m mailbox.Message) {
	w.t.Helper()
	if err := mailbox.Leave(w.t.Context(), w.nodes[at], board, m); err != nil {
		w.t.Fatal(err)
	}
}

// hears checks that exactly these messages are new now.
func (w *world) hears(want ...mailbox.Message) {
	w.t.Helper()
	w.ear.list = nil
	w.read()
	if !slices.Equal(w.ear.list, want) {
		w.t.Errorf("heard %v; want %v", w.ear.list, want)
	}
	if !w.ear.at.Equal(w.now) {
		w.t.Errorf("all is heard that was left until %v; want %v", w.ear.at, w.now)
	}
}

// TestEachMessageIsHeardOnce: no matter on how many nodes it lies, and what becomes of these.
func TestEachMessageIsHeardOnce(t *testing.T) {
	w := newWorld(t, 2)
	w.hears()
	w.leave(0, about(1, begin))
	w.leave(1, about(1, begin))
	w.hears(about(1, begin))
	w.hears()
	w.leave(1, about(2, begin))
	w.leave(1, about(3, begin))
	w.hears(about(2, begin), about(3, begin))
	w.servers[1].Restart(nil)
	w.hears()
	w.leave(1, about(4, begin)) // with the same tokens as before the restart
	w.leave(1, about(5, begin))
	w.hears(about(4, begin), about(5, begin))
}

// TestManyLeaveAtOnce: of messages that are left at the same time none is lost.
func TestManyLeaveAtOnce(t *testing.T) {
	w := newWorld(t, 1)
	var all sync.WaitGroup
	for i := range 500 {
		all.Go(func() {
			if err := mailbox.Leave(t.Context(), w.nodes[0], board, about(i, begin)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	w.read()
	if len(w.ear.list) != 500 {
		t.Errorf("%d of 500 messages", len(w.ear.list))
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
	other.nodes = []*node.Node{s.Node(s.Client(""), node.Options{EpochKey: "epoch", Watch: []string{board}, OnProbe: other.look})}
	for i := range 3 {
		w.leave(0, about(i, begin.Add(time.Duration(i)*time.Second)))
	}
	w.read()
	other.read()
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{25 * time.Second, 4}, {44 * time.Second, 5}, {61 * time.Second, 1}} {
		w.leave(0, about(9, w.now))
		w.now, other.now = begin.Add(c.after), begin.Add(c.after+30*time.Second)
		other.read()
		w.read()
		if n := len(s.Value(board)) / size; n != c.want {
			t.Errorf("%v later %d messages are left; want %d", c.after, n, c.want)
		}
	}
}

// TestABoardIsBounded: a board that takes no more loses its oldest messages.
func TestABoardIsBounded(t *testing.T) {
	w := newWorld(t, 1)
	s := w.servers[0]
	w.leave(0, about(0, begin))
	one := s.Value(board)
	fill := func(messages int) {
		t.Helper()
		var value []byte
		for i := range messages {
			m := slices.Clone(one[:size-checksum.Size])
			copy(m[1:], []byte{byte(i), byte(i >> 8), byte(i >> 16)})
			value = append(value, checksum.Append(m)...)
		}
		item, err := s.Memory().Get(t.Context(), board)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Memory().CompareAndSwap(t.Context(), board, memcache.Item{Value: value, Token: item.Token}, 0); err != nil {
			t.Fatal(err)
		}
	}
	fill(10_000)
	w.read()
	if n := len(w.ear.list); n != 10_000 {
		t.Errorf("%d messages are heard that were left at one moment", n)
	}
	if n := len(s.Value(board)) / size; n != 4096 {
		t.Errorf("%d messages stay", n)
	}
	fill(21_000)
	s.Fail(nodetest.Only(nodetest.Of(nodetest.Append), nodetest.Refuse(memcache.ErrTooLarge))) // memcached's 1 MB
	w.leave(0, about(70_000, begin))
	w.ear.list = nil
	w.read()
	if got := w.ear.list[len(w.ear.list)-1]; got != about(70_000, begin) || len(w.ear.list) != 4097 {
		t.Errorf("%d messages, the last one %v", len(w.ear.list), got)
	}
}

// TestARest: bytes that are no message are ignored.
func TestARest(t *testing.T) {
	w := newWorld(t, 1)
	w.leave(0, about(1, begin))
	if err := w.nodes[0].Append(t.Context(), board, []byte("rest")); err != nil {
		t.Fatal(err)
	}
	w.hears(about(1, begin))
}

// TestABoardThatIsDamagedOnItsWay: messages that could not be read are heard later, by others as well. Until then not
// all counts as heard.
func TestABoardThatIsDamagedOnItsWay(t *testing.T) {
	for at := range 2 * size {
		w := newWorld(t, 1)
		w.leave(0, about(1, begin))
		w.hears(about(1, begin))
		w.ear.list, w.now = nil, begin.Add(2*time.Minute) // so that the first one is to go
		w.leave(0, about(2, w.now))
		item, err := w.servers[0].Memory().Get(t.Context(), board)
		if err != nil {
			t.Fatal(err)
		}
		lies := slices.Clone(item.Value)
		item.Value[at] ^= 0x80
		w.inbox.Look(w.nodes[0], map[string]memcache.Item{board: item}, w.now)
		w.inbox.Read(t.Context())
		if !w.ear.at.Equal(begin) {
			t.Errorf("byte %d: all counts as heard", at)
		}
		if !slices.Equal(w.servers[0].Value(board), lies) {
			t.Errorf("byte %d: the board is changed", at)
		}
		w.read()
		if want := []mailbox.Message{about(2, w.now)}; !slices.Equal(w.ear.list, want) || !w.ear.at.Equal(w.now) {
			t.Errorf("byte %d: heard %v", at, w.ear.list)
		}
	}
}

// TestAFaultyNode: a message that cannot be left is an error.
func TestAFaultyNode(t *testing.T) {
	for _, err := range []error{nodetest.ErrOff, nodetest.ErrLost, nodetest.ErrFull} {
		w := newWorld(t, 1)
		w.servers[0].Fail(nodetest.Only(nodetest.Writes(""), nodetest.Refuse(err)))
		if left := mailbox.Leave(t.Context(), w.nodes[0], board, about(1, begin)); left == nil {
			t.Errorf("%v: it is told left", err)
		}
	}
}

func ExampleBoards() {
	fmt.Println(mailbox.Boards("msm:", ""), mailbox.Boards("msm:", "a"))
	// Output: [msm:news] [msm:news msm:news:a]
}

// TestForget: G9. Nothing is remembered of a node that has left the list.
func TestForget(t *testing.T) {
	w := newWorld(t, 2)
	for _, n := range w.nodes {
		if err := mailbox.Leave(t.Context(), n, board, about(1, begin)); err != nil {
			t.Fatal(err)
		}
	}
	w.read()
	for i, n := range w.nodes {
		w.inbox.Forget(n)
		w.inbox.Read(t.Context())
		if left, want := w.inbox.Boards(), len(w.nodes)-1-i; left != want {
			t.Errorf("%d boards are remembered; want %d", left, want)
		}
	}
}
