package nodetest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
)

// Command is a command of memcached's text protocol (its doc/protocol.txt): the words of its line, and the data block
// of a command that stores something.
type Command struct {
	Words []string
	Data  []byte
}

// Key returns the first key.
func (c Command) Key() string { return c.Words[1] }

// Stores reports whether a data block follows the command's line.
func (c Command) Stores() bool { return slices.Contains([]string{"add", "cas", "append"}, c.Words[0]) }

// Size returns how many bytes follow the command's line: the data block and its line end.
func (c Command) Size() int {
	if !c.Stores() {
		return 0
	}
	return int(number(c.Words[4])) + len("\r\n")
}

// Answer performs the command on a memory, as memcached does, and returns the answer. It panics on a command that msm
// never sends.
func (c Command) Answer(m *memcache.Memory) string {
	switch c.Words[0] {
	case "gets":
		return c.get(m)
	case "add", "cas", "append":
		return c.store(m)
	case "version":
		return "VERSION 1.6.19\r\n"
	case "lru_crawler":
		return list(m)
	}
	panic(fmt.Sprintf("no such command: %q", c.Words))
}

func (c Command) get(m *memcache.Memory) string {
	var b strings.Builder
	for _, key := range c.Words[1:] {
		if item, err := m.Get(context.Background(), key); err == nil {
			fmt.Fprintf(&b, "VALUE %s %d %d %d\r\n%s\r\n", key, item.Flags, len(item.Value), item.Token, item.Value)
		}
	}
	return b.String() + "END\r\n"
}

// store performs <add|cas|append> key flags exptime bytes [token].
func (c Command) store(m *memcache.Memory) string {
	item, ttl := memcache.Item{Value: c.Data, Flags: uint32(number(c.Words[2]))}, lifetime(c.Words[3])
	var err error
	switch c.Words[0] {
	case "add":
		err = m.Add(context.Background(), c.Key(), item, ttl)
	case "cas":
		item.Token = number(c.Words[5])
		err = m.CompareAndSwap(context.Background(), c.Key(), item, ttl)
	case "append":
		if err = m.Append(context.Background(), c.Key(), c.Data); errors.Is(err, memcache.ErrMiss) {
			err = memcache.ErrExists
		}
	}
	switch {
	case err == nil:
		return "STORED\r\n"
	case errors.Is(err, memcache.ErrExists):
		return "NOT_STORED\r\n"
	case errors.Is(err, memcache.ErrConflict):
		return "EXISTS\r\n"
	case errors.Is(err, memcache.ErrMiss):
		return "NOT_FOUND\r\n"
	case errors.Is(err, memcache.ErrTooLarge):
		return "SERVER_ERROR object too large for cache\r\n"
	}
	panic(err)
}

// list returns the list of keys. It is sorted, so that a simulation replays exactly.
func list(m *memcache.Memory) string {
	var keys []string
	_ = m.Keys(context.Background(), "", func(key string) { keys = append(keys, key) })
	slices.Sort(keys)
	var b strings.Builder
	for _, key := range keys {
		fmt.Fprintf(&b, "key=%s exp=-1 la=0 cas=0 fetch=no cls=1 size=100\r\n", url.QueryEscape(key))
	}
	return b.String() + "END\r\n"
}

// lifetime converts an exptime as memcached does: it is in seconds; a negative one has passed; and more than 30 days'
// worth is a Unix time.
func lifetime(word string) time.Duration {
	if strings.HasPrefix(word, "-") {
		return -time.Second
	}
	seconds := number(word)
	if seconds > 30*24*60*60 {
		return time.Until(time.Unix(int64(seconds), 0))
	}
	return time.Duration(seconds) * time.Second
}

func number(word string) uint64 {
	n, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}
