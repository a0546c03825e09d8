// Package memcache speaks with one memcached server. It knows nothing of nodes, sessions and other instances: whether
// the server may be used at all is decided by package node.
//
//   - client.go, errors.go: the interface Client, and what it returns
//   - limits.go: the keys and TTLs that memcached takes
//   - memcached.go, options.go: the Client of a real server; answers.go: what that says; keys.go: its list of keys
//   - pool.go: the connections to it; pooled.go, conn.go: one of them; dial.go, liveness_unix.go: its begin and its end;
//     replies.go: what it must not send
//   - operation.go, times.go: what a connection does at present, and until when
//   - memory.go: a Client within this process
package memcache

import (
	"context"
	"time"
)

// Item is a stored value.
type Item struct {
	Value []byte
	Flags uint32 // stored by the server with the value
	Token uint64 // CAS token: returned by Get, for a CompareAndSwap on the same node
}

// Client sends operations to one memcached server. Implementations are safe for concurrent use. The Value that Get
// returns belongs to the caller; a Value that is written is not kept.
//
// A ttl of 0 means for ever. Any other ttl is rounded up to whole seconds; a negative one expires at once.
type Client interface {
	// Get returns the item of a key, or ErrMiss if the key is absent or expired.
	Get(ctx context.Context, key string) (Item, error)
	// GetMulti gets several keys in one round trip. Absent ones are missing in the map.
	GetMulti(ctx context.Context, keys ...string) (map[string]Item, error)
	// Add stores the item only if the key is absent; otherwise it returns ErrExists.
	Add(ctx context.Context, key string, item Item, ttl time.Duration) error
	// CompareAndSwap stores the item only if the value is still the one whose Token the item carries. Otherwise it
	// returns ErrConflict, or ErrMiss if the key is absent.
	CompareAndSwap(ctx context.Context, key string, item Item, ttl time.Duration) error
	// Append appends to the value of a key. The time to live and the flags stay, and the value gets another Token. It
	// returns ErrMiss if the key is absent.
	Append(ctx context.Context, key string, more []byte) error
	// Keys calls found with each key that begins with prefix, in no order, and perhaps twice. It finds every key that
	// exists all the time from beginning to end; before memcached 1.6.19 it may miss keys that are read or written
	// meanwhile. found must be quick, because the server waits for it, and must not use the node. Keys returns
	// ErrNoList or ErrCrawling if the server says so. After any other error some keys are missing.
	Keys(ctx context.Context, prefix string, found func(key string)) error
	// CancelAll ends all operations in progress except Keys, and all waits for a connection, as if their time were up.
	// Operations that begin later are not affected.
	CancelAll()
	// Close closes the client's connections. Operations in progress may end first.
	Close() error
}
