package msm

import (
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/sid"
)

// TestForgedMessagesSetNothingOff: T-07. Who can write to a node leaves 10,000 ends of sessions there that nobody ended. With
// keys no node is asked about any of them, and what instances have to say is heard all the same. Without keys what is done
// about them has a bound.
func TestForgedMessagesSetNothingOff(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][][]byte{"with keys": {signingKey("k")}, "without": nil} {
		t.Run(name, func(t *testing.T) {
			inModes(t, func(t *testing.T, w *world, mode Config) {
				mode.EncryptionKeys = keys
				m := w.routed(mode, "a")
				var v visitor
				v.request(m, "POST", func(s *Session) { s.Set("user", "ann") })
				time.Sleep(time.Second)
				forger := w.servers[0].Node(w.servers[0].Client("forger"), node.Options{EpochKey: "msm:epoch"})
				if err := forger.Probe(t.Context()); err != nil {
					t.Fatal(err)
				}
				list := make([]mailbox.Message, 10_000)
				for i := range list {
					list[i] = mailbox.Message{Kind: mailbox.Ended, Session: sid.Hash{byte(i), byte(i >> 8)}, At: time.Now()}
				}
				looks := func() (n int) {
					for _, s := range w.servers {
						n += s.Count(nodetest.Reads("msm:s:"))
					}
					return n
				}
				before := looks()
				if err := (mailbox.Mail{KeyPrefix: "msm:", Clock: time.Now}).Post(t.Context(), forger, "", list...); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second)
				n, refused := looks()-before, m.Stats().ForgedMessages
				if keys != nil && (n > 0 || refused != uint64(len(list))) || keys == nil && (n == 0 || n > 4*3*2000) {
					t.Errorf("%d reads; %d refused", n, refused)
				}
				other := w.routed(mode, "b")
				v.request(other, "POST", func(s *Session) { s.Destroy() })
				time.Sleep(heard)
				v.request(m, "GET", func(s *Session) {
					if !s.IsNew() {
						t.Error("a logout is not heard among forged messages")
					}
				})
			})
		})
	}
}
