package mailbox

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
)

const (
	// Life is how long a message stays on its board at least. Clocks of instances may differ by half a minute, so a
	// message that is older than Life by the clock of one instance may be half as old.
	Life = time.Minute
	// Hearing is how long it takes at most until every instance has read what was left on the boards: two probes.
	Hearing = 500 * time.Millisecond
	// boardLength is how many younger messages stay when a board is tidied up. More can be left at one moment: as many
	// as memcached takes for one value, which are some 20,000 with its default of 1 MB.
	boardLength = 4096
	// boardLife is the time to live of a board. A reader that tidies the board up renews it.
	boardLife = time.Hour
	// addTries is how often Leave tries again because the board appears, or disappears, at the same moment.
	addTries = 8
)

// Board returns the key of the board for the instance of that route, or with no route of the board for all.
func Board(keyPrefix, route string) string {
	if route == "" {
		return keyPrefix + "news"
	}
	return keyPrefix + "news:" + route
}

// Boards returns the keys of the boards that an instance reads. An instance that is not sticky has no route, and reads
// the board for all only.
func Boards(keyPrefix, route string) []string {
	if route == "" {
		return []string{Board(keyPrefix, "")}
	}
	return []string{Board(keyPrefix, ""), Board(keyPrefix, route)}
}

// Leave puts a message on a board of a node. It returns the error of the node's operation. It is safe for concurrent
// use.
func Leave(ctx context.Context, at *node.Node, board string, m Message) error {
	spelt := m.spell()
	err := at.Append(ctx, board, spelt[:])
	for try := 0; try < addTries; try++ {
		switch {
		case errors.Is(err, memcache.ErrMiss), errors.Is(err, memcache.ErrConflict):
			if err = at.Add(ctx, board, memcache.Item{Value: spelt[:]}, boardLife); !errors.Is(err, memcache.ErrExists) {
				return err
			}
			err = at.Append(ctx, board, spelt[:])
		case errors.Is(err, memcache.ErrTooLarge):
			err = replaceOldest(ctx, at, board, spelt)
		default:
			return err
		}
	}
	return err
}

// replaceOldest puts a message on a board that takes no more, in the place of the oldest ones.
func replaceOldest(ctx context.Context, at *node.Node, board string, m spelling) error {
	old, err := at.Get(ctx, board)
	if err != nil {
		return err
	}
	list, _ := parse(old.Value)
	item := memcache.Item{Value: append(join(list[max(0, len(list)-boardLength):]), m[:]...), Token: old.Token}
	return at.CompareAndSwap(ctx, board, item, boardLife)
}

// join returns a board with those messages.
func join(list []spelling) []byte {
	value := make([]byte, 0, (len(list)+1)*size)
	for _, m := range list {
		value = append(value, m[:]...)
	}
	return value
}

// recent leaves out the messages that everyone has had time to read and, if there are too many others, the oldest of
// these (rule M2). The second result is false if writing the board for that is not worth it yet.
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
