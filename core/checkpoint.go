package msm

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/sid"
)

// checkpoint is what a node itself remembers of its refill: so every instance knows whether one is due, also one that
// starts later, and where a dead one has stopped. A node that is restarted empty has none, and that of another occasion says
// nothing.
type checkpoint struct {
	occasion uint32      // see refill
	ended    RefillState // RefillDone or RefillUnlisted; empty: not ended
	after    sid.Hash    // not ended: sessions up to this hash are done
}

func (c checkpoint) String() string {
	if c.ended != "" {
		return fmt.Sprintf("%08x %s", c.occasion, c.ended)
	}
	return fmt.Sprintf("%08x after %x", c.occasion, c.after)
}

// parseCheckpoint answers that of the occasion; anything else means that nothing is done yet.
func parseCheckpoint(text string, occasion uint32) checkpoint {
	nothing := checkpoint{occasion: occasion}
	head, rest, _ := strings.Cut(text, " ")
	if e, err := strconv.ParseUint(head, 16, 32); err != nil || uint32(e) != occasion {
		return nothing
	}
	if state := RefillState(rest); state == RefillDone || state == RefillUnlisted {
		return checkpoint{occasion: occasion, ended: state}
	}
	digits, ok := strings.CutPrefix(rest, "after ")
	after, err := hex.DecodeString(digits)
	if !ok || err != nil || len(after) != len(sid.Hash{}) {
		return nothing
	}
	return checkpoint{occasion: occasion, after: sid.Hash(after)}
}

func readCheckpoint(ctx context.Context, n *node.Node, key string, occasion uint32) (c checkpoint, token uint64, err error) {
	item, err := n.Get(ctx, key)
	if errors.Is(err, node.ErrMiss) {
		return checkpoint{occasion: occasion}, 0, nil
	}
	return parseCheckpoint(string(item.Value), occasion), item.Token, err
}

// write replaces what the node remembers. Who finds that another one did so at the same time has lost its lock.
func (c checkpoint) write(ctx context.Context, n *node.Node, key string) error {
	_, token, err := readCheckpoint(ctx, n, key, c.occasion)
	if err != nil {
		return err
	}
	item := node.Item{Value: []byte(c.String()), Token: token}
	if token == 0 {
		return n.Add(ctx, key, item, 0)
	}
	return n.CompareAndSwap(ctx, key, item, 0)
}
