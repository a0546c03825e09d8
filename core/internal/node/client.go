package node

import (
	"context"
	"errors"
	"time"
)

// Item is a stored value.
type Item struct {
	Value []byte
	Flags uint32 // stored by the server with the value
	Token uint64 // CAS token: returned by Get, for a CompareAndSwap on the same node
}

// Answers of a node other than success. After ErrLate, and after any error that is not listed here, it is unknown
// whether a write was done.
var (
	ErrMiss     = errors.New("no such key")
	ErrExists   = errors.New("key exists")                    // from Add
	ErrConflict = errors.New("value has changed since")       // from CompareAndSwap
	ErrTooLarge = errors.New("value too large for the node")  // the old value stays
	ErrFull     = errors.New("the node has no memory for it") // it does not evict (memcached -M); the old value stays
	ErrRefused  = errors.New("the node refuses to do it")     // another SERVER_ERROR: it answers, so no evidence against it
	// ErrBusy is also the answer of a server that accepts no more connections.
	ErrBusy     = errors.New("no connection became free in time") // nothing was done; no evidence against the node
	ErrLate     = errors.New("this process did not run in time")  // no evidence against the node; a write may have been done
	ErrDown     = errors.New("node is down")                      // nothing was sent
	ErrNoList   = errors.New("the server does not list its keys") // from Keys: too old, or its crawler or dumps are off
	ErrCrawling = errors.New("the server's crawler is at work")   // from Keys: it will list them a moment later
)

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
	// GiveUp says that the node is not used any more. It ends all operations in progress except Keys, and all waits for
	// a connection, as if their time were up. Operations that begin later are not affected.
	GiveUp()
	// Close closes the client's connections. Operations in progress may end first.
	Close() error
}
