package repair

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
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/sid"
)

// checkpoint is the progress of a node's refill, stored on that node. It tells every instance, also one that starts
// later, whether a refill is due and how far a crashed instance got. A node that was restarted empty has none, and one
// of another generation does not count.
type checkpoint struct {
	generation uint32   // what the refill is for; see the function generation
	ended      State    // Done or Unlisted; empty: not ended
	without    []string // if ended: nodes that were away, and may hold sessions that no other node has
	cursor     sid.Hash // if not ended: the sessions up to this hash are done
}

// String returns the checkpoint as it is stored, for parseCheckpoint.
func (c checkpoint) String() string {
	switch {
	case len(c.without) > 0:
		return fmt.Sprintf("%08x %s without %s", c.generation, c.ended, strings.Join(c.without, ","))
	case c.ended != "":
		return fmt.Sprintf("%08x %s", c.generation, c.ended)
	}
	return fmt.Sprintf("%08x after %x", c.generation, c.cursor)
}

// parseCheckpoint returns the stored checkpoint if it is of the generation, and otherwise one that says that nothing is
// done yet.
func parseCheckpoint(text string, generation uint32) checkpoint {
	nothing := checkpoint{generation: generation}
	head, rest, _ := strings.Cut(text, " ")
	if e, err := strconv.ParseUint(head, 16, 32); err != nil || uint32(e) != generation {
		return nothing
	}
	text, away, _ := strings.Cut(rest, " without ")
	if state := State(text); state == Done || state == Unlisted {
		c := checkpoint{generation: generation, ended: state}
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
	return checkpoint{generation: generation, cursor: sid.Hash(after)}
}

// final reports whether the refill has ended and none of the nodes that were away then is back.
func (c checkpoint) final(of *cluster.Cluster) bool { return c.ended != "" && !anyBack(of, c.without) }

// anyBack reports whether one of the nodes is in the list and available.
func anyBack(of *cluster.Cluster, away []string) bool {
	return slices.ContainsFunc(away, func(id string) bool {
		n, known := of.Node(id)
		return known && n.Available()
	})
}

// readCheckpoint returns the checkpoint on a node and its CAS token, which is 0 if there is none.
func readCheckpoint(ctx context.Context, n *node.Node, key string, generation uint32) (c checkpoint, token uint64, err error) {
	item, err := n.Get(ctx, key)
	if errors.Is(err, memcache.ErrMiss) {
		return checkpoint{generation: generation}, 0, nil
	}
	text, _ := checksum.CutText(string(item.Value)) // a damaged checkpoint counts as none
	return parseCheckpoint(text, generation), item.Token, err
}

// write replaces the checkpoint on the node by compare-and-swap. It fails if another instance writes one at the same
// time: this one has lost the refill's lock then.
func (c checkpoint) write(ctx context.Context, n *node.Node, key string) error {
	_, token, err := readCheckpoint(ctx, n, key, c.generation)
	if err != nil {
		return err
	}
	item := memcache.Item{Value: []byte(checksum.Text(c.String())), Token: token}
	if token == 0 {
		return n.Add(ctx, key, item, 0)
	}
	return n.CompareAndSwap(ctx, key, item, 0)
}
