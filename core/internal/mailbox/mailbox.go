// Package mailbox carries messages about sessions and nodes between instances, because the nodes know nothing of each
// other. A mailbox is a value on a node. Every instance reads the mailboxes with its probes, several times a second.
//
//   - message.go, server.go, debt.go: messages, and how they are stored
//   - mailbox.go: a message is posted: it is appended to a mailbox, so any number of instances can post at the same moment
//   - inbox.go: an instance receives what is new, and removes from a mailbox what everyone has had time to read
package mailbox

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/seal"
)

const (
	// Retention is how long a message stays in its mailbox at least. Clocks of instances may differ by half a minute,
	// so a message that is older by the clock of one instance may be half as old.
	Retention = time.Minute
	// MaxDelay is how long it takes at most until every instance has read what was posted: two probes.
	MaxDelay = 500 * time.Millisecond
	// maxMessages is how many younger messages stay when a mailbox is tidied up. More can be posted at one moment: as
	// many as memcached takes for one value, which are some 16,000 with its default of 1 MB.
	maxMessages = 4096
	// ttl is the time to live of a mailbox. A reader that tidies it up renews it, and an instance its own in any case.
	ttl        = time.Hour
	renewEvery = ttl / 4
	// postTries is how often Post tries again because the mailbox appears, or disappears, at the same moment.
	postTries = 8
)

// Key returns the key of the mailbox of the instance with that route, or with no route of the mailbox for all.
func Key(keyPrefix, route string) string {
	if route == "" {
		return keyPrefix + "news"
	}
	return keyPrefix + "news:" + route
}

// Keys returns the keys of the mailboxes that an instance reads. An instance that is not sticky has no route, and reads
// the mailbox for all only.
func Keys(keyPrefix, route string) []string {
	if route == "" {
		return []string{Key(keyPrefix, "")}
	}
	return []string{Key(keyPrefix, ""), Key(keyPrefix, route)}
}

// ErrNobody means that no instance reads a mailbox.
var ErrNobody = errors.New("no instance with that route reads messages on the node")

// Mail is how the instances of an application write messages. With keys each one has a tag, by which others know that an
// instance wrote it, for that mailbox. It is safe for concurrent use.
type Mail struct {
	KeyPrefix string
	Seals     *seal.Policy     // nil: messages have no tags
	Clock     func() time.Time // by which messages are posted
}

// encode returns messages as the mailbox with that key has them.
func (l Mail) encode(key string, list []Message) (value []byte) {
	for _, m := range list {
		e := m.encode(func(text []byte) seal.Tag { return l.Seals.Tag(key, text, l.Clock()) })
		value = append(value, e[:]...)
	}
	return value
}

// accepts reports whether a message in the mailbox with that key is one of an instance's.
func (l Mail) accepts(key string, e encoded) bool {
	text, tag := e.text()
	return l.Seals.Accepts(key, text, tag, l.Clock())
}

// Post appends messages to the mailbox of the instance with that route on a node, or with no route to the mailbox for
// all. An instance makes its mailbox itself (rule M13): if there is none, Post returns ErrNobody, so that nobody makes
// keys of what clients send. Post also returns the errors of the node's operations.
func (l Mail) Post(ctx context.Context, at *node.Node, route string, list ...Message) error {
	key := Key(l.KeyPrefix, route)
	value := l.encode(key, list)
	err := at.Append(ctx, key, value)
	for try := 0; try < postTries; try++ {
		switch {
		case errors.Is(err, memcache.ErrMiss) && route != "":
			return ErrNobody
		case errors.Is(err, memcache.ErrMiss), errors.Is(err, memcache.ErrConflict):
			if err = at.Add(ctx, key, memcache.Item{Value: value}, ttl); !errors.Is(err, memcache.ErrExists) {
				return err
			}
			err = at.Append(ctx, key, value)
		case errors.Is(err, memcache.ErrTooLarge):
			err = replaceOldest(ctx, at, key, value)
		default:
			return err
		}
	}
	return err
}

// replaceOldest adds messages to a mailbox that takes no more, in the place of the oldest ones.
func replaceOldest(ctx context.Context, at *node.Node, key string, value []byte) error {
	old, err := at.Get(ctx, key)
	if err != nil {
		return err
	}
	list, _ := parse(old.Value)
	item := memcache.Item{Value: append(join(list[max(0, len(list)-maxMessages):]), value...), Token: old.Token}
	return at.CompareAndSwap(ctx, key, item, ttl)
}

// recent leaves out the messages that everyone has had time to read and, if there are too many others, the oldest of
// these (rule M2). The second result is false if writing the mailbox for that is not worth it yet.
func recent(list []encoded, now time.Time) ([]encoded, bool) {
	if len(list) == 0 {
		return list, false
	}
	worth := now.Sub(list[0].message().At) > Retention*5/4 || len(list) > maxMessages*5/4
	list = list[max(0, len(list)-maxMessages):]
	for len(list) > 0 && now.Sub(list[0].message().At) > Retention {
		list = list[1:]
	}
	return list, worth
}
