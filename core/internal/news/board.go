package news

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/node"
)

const (
	// Life is how long a message stays at least. Clocks of instances may differ by half a minute, so what is older than Life by
	// the clock of one may be half as old.
	Life = time.Minute
	// Hearing is within how long every instance has read what was left on the boards: two looks of its probers.
	Hearing = 500 * time.Millisecond
	// boardLength is how many messages stay that are younger. It is no bound of what can be left at one moment: that is what
	// memcached takes for one value, 1 MB unless it was told otherwise, some 20,000.
	boardLength = 4096
	// boardLife is that of a board that nobody reads. Reading renews it.
	boardLife = time.Hour
	// addTries is how often a board can begin or end in the moment in which something is left on it.
	addTries = 8
)

// Board is the key of the board for the instance of that route, or with no route for all.
func Board(keyPrefix, route string) string {
	if route == "" {
		return keyPrefix + "news"
	}
	return keyPrefix + "news:" + route
}

// Boards are those that an instance reads; one that is not sticky has no route.
func Boards(keyPrefix, route string) []string {
	if route == "" {
		return []string{Board(keyPrefix, "")}
	}
	return []string{Board(keyPrefix, ""), Board(keyPrefix, route)}
}

// Leave puts a message on a board of a node. It answers what the node's operations do.
func Leave(ctx context.Context, at *node.Node, board string, m Message) error {
	spelt := m.spell()
	err := at.Append(ctx, board, spelt[:])
	for try := 0; try < addTries; try++ {
		switch {
		case errors.Is(err, node.ErrMiss), errors.Is(err, node.ErrConflict):
			if err = at.Add(ctx, board, node.Item{Value: spelt[:]}, boardLife); !errors.Is(err, node.ErrExists) {
				return err
			}
			err = at.Append(ctx, board, spelt[:])
		case errors.Is(err, node.ErrTooLarge):
			err = replaceOldest(ctx, at, board, spelt)
		default:
			return err
		}
	}
	return err
}

// replaceOldest makes room on a board that takes no more.
func replaceOldest(ctx context.Context, at *node.Node, board string, m spelling) error {
	old, err := at.Get(ctx, board)
	if err != nil {
		return err
	}
	list, _ := parse(old.Value)
	item := node.Item{Value: append(join(list[max(0, len(list)-boardLength):]), m[:]...), Token: old.Token}
	return at.CompareAndSwap(ctx, board, item, boardLife)
}

func join(list []spelling) []byte {
	value := make([]byte, 0, (len(list)+1)*size)
	for _, m := range list {
		value = append(value, m[:]...)
	}
	return value
}

// recent leaves out what everyone has had time to read, and of too many the oldest. The second result is false if it is not
// worth a write yet.
func recent(list []spelling, now time.Time) ([]spelling, bool) {
	if len(list) == 0 {
		return list, false
	}
	worth := now.Sub(list[0].message().At) > Life*5/4 || len(list) > boardLength*5/4
	list = list[max(0, len(list)-boardLength):]
	for len(list) > 0 && now.Sub(list[0].message().At) > Life {
		list = list[1:]
	}
	return list, worth
}
