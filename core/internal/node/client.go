package node

import (
	"context"
	"errors"
	"time"
)

// Item is a stored value.
type Item struct {
	Value []byte
	Flags uint32 // kept by the server beside the value
	Token uint64 // CAS token: from a Get, for a CompareAndSwap on the same node
}

// What a node answers besides yes. After any other error, and ErrLate, the outcome of a write is unknown.
var (
	ErrMiss     = errors.New("no such key")
	ErrExists   = errors.New("key exists")                        // Add
	ErrConflict = errors.New("value has changed since")           // CompareAndSwap
	ErrTooLarge = errors.New("value too large for the node")      // the old value stays
	ErrFull     = errors.New("the node has no memory for it")     // it does not evict (memcached -M); the old value stays
	ErrRefused  = errors.New("the node refuses to do it")         // another SERVER_ERROR: it answers, so no evidence against it
	ErrBusy     = errors.New("no connection became free in time") // or the server takes no more: nothing was done, no evidence against the node
	ErrLate     = errors.New("this process did not run in time")  // no evidence against the node; the outcome of a write is unknown
	ErrDown     = errors.New("node is down")                      // nothing was sent
	ErrNoList   = errors.New("the server does not list its keys") // Keys: too old, or its crawler or dumps are switched off
	ErrCrawling = errors.New("the server's crawler is at work")   // Keys: a moment later it will list
)

// Client is what is asked of one memcached server. Implementations are safe for concurrent use; a Get's Value
// belongs to the caller, a written Value is not kept.
//
// ttl 0 means for ever; other values are rounded up to whole seconds, negative ones expire at once.
type Client interface {
	// Get answers ErrMiss for an absent or expired key.
	Get(ctx context.Context, key string) (Item, error)
	// GetMulti asks for several keys in one round trip; absent ones are missing in the map.
	GetMulti(ctx context.Context, keys ...string) (map[string]Item, error)
	// Add stores only if the key is absent, else ErrExists.
	Add(ctx context.Context, key string, item Item, ttl time.Duration) error
	// CompareAndSwap stores only if the value is still the one whose Token the item carries, else ErrConflict or, if there is none any more, ErrMiss.
	CompareAndSwap(ctx context.Context, key string, item Item, ttl time.Duration) error
	// Append adds to the value of a key, whose time to live and flags stay, and which gets another Token; ErrMiss if there is
	// none.
	Append(ctx context.Context, key string, more []byte) error
	// Keys calls found with the keys that begin with prefix, in no order, some perhaps twice. What is there from the begin
	// to the end is among them; of servers before memcached 1.6.19 it may lack what is read or written meanwhile. found must
	// be quick, because the server waits for it, and must not use the node. It answers ErrNoList or ErrCrawling if the server
	// says so; after any other error some keys are missing.
	Keys(ctx context.Context, prefix string, found func(key string)) error
	// GiveUp ends every operation that is under way but Keys, and everyone's waiting for a connection, as if their time were
	// up: the node is not used any more. What begins later is not touched.
	GiveUp()
	Close() error
}
