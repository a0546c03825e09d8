// Package node is one memcached server: the client that speaks with it, whether it is available, and its epoch.
package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/random"
)

var errKey = errors.New("node: a key must have 1 to 250 bytes, none of them blank or control")

// Options say how a node is watched.
type Options struct {
	EpochKey   string                      // under which the node carries its epoch
	ProbeEvery time.Duration               // zero: 250ms
	ProbeMax   time.Duration               // longest time between probes of a node that is down; zero: 5s
	NewsKey    string                      // read with every probe; empty: nothing is
	OnNews     func(n *Node, value []byte) // called by the prober, which waits for it, with what is new under NewsKey
	Log        *journal.Journal            // nil: none
	Random     *random.Source              // of the prober; nil: the runtime's
}

// Node is one memcached server. It is safe for concurrent use.
//
// A node is available or not; while it is not, operations answer ErrDown at once. Any failure of an operation makes it
// unavailable: the request that met it has to work around the node, whose copies are stale from then on. It is used
// again when a probe has given it a new epoch, so that everyone can tell. (So there is no count of failures in a row: a
// request never asks a failed node twice, hence the first failure is already worked around.)
type Node struct {
	id, address string
	client      Client
	options     Options
	state       atomic.Pointer[state]
	wake        chan struct{}

	mu       sync.Mutex // guards changes of state
	reworked uint64     // how often someone had to work around the node
	cleared  uint64     // reworked as of when the epoch was last replaced
	news     []byte     // what was read last under Options.NewsKey
}

// state is what a request needs to know; it changes as a whole.
type state struct {
	available bool
	epoch     uint32
	since     time.Time // when it became available or unavailable
	why       error     // it is not available
}

// New makes a node that is not available before its first probe.
func New(id, address string, client Client, o Options) *Node {
	if o.ProbeEvery == 0 {
		o.ProbeEvery = 250 * time.Millisecond
	}
	if o.ProbeMax == 0 {
		o.ProbeMax = 5 * time.Second
	}
	if o.Log == nil {
		o.Log = journal.Silent()
	}
	n := &Node{id: id, address: address, client: client, options: o, wake: make(chan struct{}, 1)}
	n.state.Store(&state{since: time.Now(), why: errNotProbed})
	return n
}

// ID is the node's configured name.
func (n *Node) ID() string { return n.id }

// Address is where the node is.
func (n *Node) Address() string { return n.address }

// Available reports whether requests may use the node.
func (n *Node) Available() bool { return n.state.Load().available }

// DownFor is how long the node has not been available, zero if it is.
func (n *Node) DownFor() time.Duration {
	s := n.state.Load()
	if s.available {
		return 0
	}
	return time.Since(s.since)
}

// Epoch is the node's epoch as last read from it; 0 if it never was, or the node has none.
func (n *Node) Epoch() uint32 { return n.state.Load().epoch }

// Close ends the client.
func (n *Node) Close() error { return n.client.Close() }

// WorkAround says that a request had to do without the node: what it holds may be stale from now on. It is not
// available before its epoch has been replaced.
func (n *Node) WorkAround() { n.fail(errDoneWithout) }

func (n *Node) fail(why error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reworked++
	s := n.state.Load()
	if !s.available {
		n.stays(s, why)
		return
	}
	n.state.Store(&state{epoch: s.epoch, since: time.Now(), why: why})
	n.log(slog.LevelWarn, "node is down", "error", why)
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Get asks for a key.
func (n *Node) Get(ctx context.Context, key string) (Item, error) {
	if !n.Available() {
		return Item{}, ErrDown
	}
	item, err := n.client.Get(ctx, key)
	return item, n.judge(ctx, "get", err)
}

// GetWith asks for a key and another one in one round trip. With ErrMiss the other one's item is still right; it is empty
// if there is none.
func (n *Node) GetWith(ctx context.Context, key, other string) (item, also Item, err error) {
	if !n.Available() {
		return Item{}, Item{}, ErrDown
	}
	items, err := n.client.GetMulti(ctx, key, other)
	if err := n.judge(ctx, "get", err); err != nil {
		return Item{}, Item{}, err
	}
	item, ok := items[key]
	if !ok {
		return Item{}, items[other], ErrMiss
	}
	return item, items[other], nil
}

// GetWithEpoch asks for a key and the node's epoch in one round trip. With ErrMiss the epoch is still right; 0: the node has
// lost it with all else, as in a restart, and no probe has come yet.
func (n *Node) GetWithEpoch(ctx context.Context, key string) (Item, uint32, error) {
	before := n.state.Load()
	if !before.available {
		return Item{}, 0, ErrDown
	}
	items, err := n.client.GetMulti(ctx, key, n.options.EpochKey)
	if err := n.judge(ctx, "get", err); err != nil {
		return Item{}, 0, err
	}
	epoch := parseEpoch(items[n.options.EpochKey].Value)
	n.learn(epoch, before)
	item, ok := items[key]
	if !ok {
		return Item{}, epoch, ErrMiss
	}
	return item, epoch, nil
}

// Add stores a value if there is none.
func (n *Node) Add(ctx context.Context, key string, item Item, ttl time.Duration) error {
	if !n.Available() {
		return ErrDown
	}
	return n.judge(ctx, "add", n.client.Add(ctx, key, item, ttl))
}

// CompareAndSwap stores a value if the one there is still that whose token the item carries.
func (n *Node) CompareAndSwap(ctx context.Context, key string, item Item, ttl time.Duration) error {
	if !n.Available() {
		return ErrDown
	}
	return n.judge(ctx, "cas", n.client.CompareAndSwap(ctx, key, item, ttl))
}

// Append adds to a value that is there.
func (n *Node) Append(ctx context.Context, key string, more []byte) error {
	if !n.Available() {
		return ErrDown
	}
	return n.judge(ctx, "append", n.client.Append(ctx, key, more))
}

// Keys lists keys as Client.Keys does. That it fails is no evidence against the node: nobody waits for it, and a long list
// has more ways to break off than a request.
func (n *Node) Keys(ctx context.Context, prefix string, found func(key string)) error {
	if !n.Available() {
		return ErrDown
	}
	if err := n.client.Keys(ctx, prefix, found); err != nil {
		return fmt.Errorf("keys of node %s: %w", n.id, err)
	}
	return nil
}

// judge tells a failure of the node from an answer.
func (n *Node) judge(ctx context.Context, op string, err error) error {
	if err == nil || answer(err) || ctx.Err() != nil {
		return err
	}
	err = fmt.Errorf("%s: %w", op, err)
	n.fail(err)
	return err
}

func answer(err error) bool {
	for _, a := range []error{ErrMiss, ErrExists, ErrConflict, ErrTooLarge, ErrBusy, errKey} {
		if errors.Is(err, a) {
			return true
		}
	}
	return false
}

// learn takes an epoch that was read while the node was in use, unless someone worked around it since, or a probe was faster.
func (n *Node) learn(epoch uint32, before *state) {
	if epoch != before.epoch {
		n.state.CompareAndSwap(before, &state{available: true, epoch: epoch, since: before.since})
	}
}

// Probe looks at the node now: it reads its epoch, gives it one if it has none, as after a restart, and replaces it if
// someone had to work around the node. Only then the node is available.
func (n *Node) Probe(ctx context.Context) error {
	n.mu.Lock()
	before, dirty := n.reworked, n.reworked != n.cleared
	n.mu.Unlock()
	epoch, news, err := n.probe(ctx, dirty)
	switch {
	case err == nil:
		if err = n.up(epoch, before); err == nil {
			n.tell(news)
		}
		return err
	case !answer(err) && ctx.Err() == nil:
		// Maybe no request of this instance met the failure, but those of others did, and until they have replaced the
		// epoch we would believe stale copies.
		n.fail(err)
	}
	return err
}

func (n *Node) probe(ctx context.Context, dirty bool) (epoch uint32, news Item, err error) {
	item, news, err := n.look(ctx)
	old := parseEpoch(item.Value)
	switch {
	case errors.Is(err, ErrMiss):
		fresh := n.options.Random.Uint32()
		return fresh, news, n.client.Add(ctx, n.options.EpochKey, Item{Value: formatEpoch(fresh)}, 0)
	case err != nil:
		return 0, news, err
	case !dirty && old != 0:
		return old, news, nil
	}
	fresh := n.options.Random.Uint32()
	return fresh, news, n.client.CompareAndSwap(ctx, n.options.EpochKey, Item{Value: formatEpoch(fresh), Token: item.Token}, 0)
}

// look reads what a probe wants to know. The news are right with ErrMiss, too.
func (n *Node) look(ctx context.Context) (epoch, news Item, err error) {
	if n.options.NewsKey == "" {
		epoch, err = n.client.Get(ctx, n.options.EpochKey)
		return epoch, Item{}, err
	}
	items, err := n.client.GetMulti(ctx, n.options.EpochKey, n.options.NewsKey)
	if err != nil {
		return Item{}, Item{}, err
	}
	epoch, ok := items[n.options.EpochKey]
	if !ok {
		err = ErrMiss
	}
	return epoch, items[n.options.NewsKey], err
}

// tell passes on what was not there before.
func (n *Node) tell(news Item) {
	n.mu.Lock()
	fresh := !bytes.Equal(n.news, news.Value)
	n.news = news.Value
	n.mu.Unlock()
	if fresh && len(news.Value) > 0 {
		n.options.OnNews(n, news.Value)
	}
}

var errReworked = errors.New("worked around during the probe")

// up makes the node available, unless someone worked around it since the probe began: then the epoch must be replaced
// once more.
func (n *Node) up(epoch uint32, before uint64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.reworked != before {
		return errReworked
	}
	n.cleared = before
	was := n.state.Load()
	if !was.available {
		n.log(slog.LevelInfo, "node is up")
	} else if was.epoch != epoch {
		n.log(slog.LevelInfo, "node has a new epoch: it was restarted, or another instance had to work around it")
	}
	n.state.Store(&state{available: true, epoch: epoch, since: time.Now()})
	return nil
}

// probeSoon is within how long a node is probed that has become unavailable. Not sooner, because who met the failure says
// in the same moment, perhaps more than once, that it works around the node; and each time another probe would be needed.
const probeSoon = time.Millisecond

// Run probes until ctx ends: regularly, within a millisecond when the node becomes unavailable, and ever more rarely while
// it stays so. No request waits for it.
func (n *Node) Run(ctx context.Context) {
	wait := n.options.ProbeEvery
	for next := n.jitter(wait); ; {
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
			wait, next = n.options.ProbeEvery/4, 1+n.options.Random.Wait(probeSoon)
			continue
		case <-time.After(next):
		}
		wait = n.round(ctx, wait)
		next = n.jitter(wait)
	}
}

// round probes, again at once if that is all it takes, and answers how long to wait for the next one.
func (n *Node) round(ctx context.Context, wait time.Duration) time.Duration {
	for range 3 {
		err := n.Probe(ctx)
		if err == nil {
			return n.options.ProbeEvery
		}
		if !errors.Is(err, errReworked) && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrExists) {
			break
		}
	}
	return min(2*wait, n.options.ProbeMax)
}

// jitter keeps instances from probing in step.
func (n *Node) jitter(d time.Duration) time.Duration { return d*4/5 + n.options.Random.Wait(d*2/5+1) }

func formatEpoch(e uint32) []byte { return fmt.Appendf(nil, "%08x", e) }

// parseEpoch answers 0 for what is no epoch.
func parseEpoch(b []byte) uint32 {
	if len(b) != 8 {
		return 0
	}
	e, err := strconv.ParseUint(string(b), 16, 32)
	if err != nil {
		return 0
	}
	return uint32(e)
}
