package mailbox_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAnInstanceKeepsItsMailbox: rule M13. An instance makes its mailbox on every node, makes it again where it is lost, and keeps it from
// expiring although nobody posts anything. Messages for an instance without one are for nobody, and leave no key.
func TestAnInstanceKeepsItsMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, servers: nodetest.Several(2)}
		inbox := mailbox.NewInbox(&w.receiver, mailbox.Mail{KeyPrefix: "msm:", Clock: time.Now}, "a")
		for _, s := range w.servers {
			n := s.Node(s.Client(""), node.Options{EpochKey: "epoch", Watch: mailbox.Keys("msm:", "a"), OnProbe: inbox.Probed})
			w.nodes = append(w.nodes, n)
		}
		w.inbox = inbox
		w.read()
		for lasts := time.Duration(0); lasts < 3*time.Hour; lasts += time.Minute {
			time.Sleep(time.Minute)
			for _, s := range w.servers { // an end might be posted just now
				if _, err := s.Memory().Get(t.Context(), "msm:news:a"); err != nil {
					t.Errorf("after %v %s has none: %v", lasts, s.ID(), err)
				}
			}
			w.read()
			if lasts == time.Hour {
				w.servers[1].Restart(nil)
				w.read()
			}
			m := about(int(lasts/time.Minute), time.Now())
			if lasts%time.Hour != 0 || lasts == 0 {
				continue
			}
			for i, n := range w.nodes {
				if err := mail.Post(t.Context(), n, "a", m); err != nil {
					t.Errorf("after %v, node %d: %v", lasts, i, err)
				}
			}
			if w.read(); len(w.receiver.list) != 1 || w.receiver.list[0] != m {
				t.Errorf("after %v it has received %v", lasts, w.receiver.list)
			}
			w.receiver.list = nil
		}
		if err := mail.Post(t.Context(), w.nodes[0], "nobody", about(1, time.Now())); !errors.Is(err, mailbox.ErrNobody) {
			t.Errorf("for nobody: %v", err)
		}
		if w.servers[0].Value("msm:news:nobody") != nil {
			t.Error("a message for nobody has made a key")
		}
	})
}

// TestManyMessagesAtOnce: those that are posted together arrive together, in their order.
func TestManyMessagesAtOnce(t *testing.T) {
	w := newWorld(t, 1)
	var list []mailbox.Message
	for i := range 1000 {
		list = append(list, about(i, begin))
	}
	before := w.servers[0].Count(nodetest.Writes("msm:news"))
	if err := mail.Post(t.Context(), w.nodes[0], "", list...); err != nil {
		t.Fatal(err)
	}
	if writes := w.servers[0].Count(nodetest.Writes("msm:news")) - before; writes > 2 {
		t.Errorf("%d writes", writes)
	}
	w.receives(list...)
}
