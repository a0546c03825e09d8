package msm

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gomsm/msm/core/internal/checksum"
	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/sid"
)

// checkpoint is what a node itself remembers of its refill: so every instance knows whether one is due, also one that
// starts later, and where a dead one has stopped. A node that is restarted empty has none, and that of another occasion says
// nothing.
type checkpoint struct {
	occasion uint32      // see refill
	ended    RefillState // RefillDone or RefillUnlisted; empty: not ended
	without  []string    // ended: nodes that were away, and may have sessions that no other one has
	after    sid.Hash    // not ended: sessions up to this hash are done
}

func (c checkpoint) String() string {
	switch {
	case len(c.without) > 0:
		return fmt.Sprintf("%08x %s without %s", c.occasion, c.ended, strings.Join(c.without, ","))
	case c.ended != "":
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
	text, away, _ := strings.Cut(rest, " without ")
	if state := RefillState(text); state == RefillDone || state == RefillUnlisted {
		c := checkpoint{occasion: occasion, ended: state}
		if away != "" {
			c.without = strings.Split(away, ",")
		}
		return c
	}
	digits, ok := strings.CutPrefix(rest, "after ")
	after, err := hex.DecodeString(digits)
	if !ok || err != nil || len(after) != len(sid.Hash{}) {
		return nothing
	}
	return checkpoint{occasion: occasion, after: sid.Hash(after)}
}

// final: it has ended, and of the nodes that were away then none is back.
func (c checkpoint) final(of *cluster.Cluster) bool { return c.ended != "" && !anyBack(of, c.without) }

func anyBack(of *cluster.Cluster, away []string) bool {
	return slices.ContainsFunc(away, func(id string) bool {
		n, known := of.Node(id)
		return known && n.Available()
	})
}

func readCheckpoint(ctx context.Context, n *node.Node, key string, occasion uint32) (c checkpoint, token uint64, err error) {
	item, err := n.Get(ctx, key)
	if errors.Is(err, node.ErrMiss) {
		return checkpoint{occasion: occasion}, 0, nil
	}
	text, _ := checksum.CutText(string(item.Value)) // damaged, it says nothing
	return parseCheckpoint(text, occasion), item.Token, err
}

// write replaces what the node remembers. Who finds that another one did so at the same time has lost its lock.
func (c checkpoint) write(ctx context.Context, n *node.Node, key string) error {
	_, token, err := readCheckpoint(ctx, n, key, c.occasion)
	if err != nil {
		return err
	}
	item := node.Item{Value: []byte(checksum.Text(c.String())), Token: token}
	if token == 0 {
		return n.Add(ctx, key, item, 0)
	}
	return n.CompareAndSwap(ctx, key, item, 0)
}
