// Package node is one memcached server: the client that speaks with it, whether it is available, and its epoch.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/random"
)

var errKey = errors.New("node: a key must have 1 to 250 bytes, none of them blank or control")

// Options say how a node is watched.
type Options struct {
	EpochKey   string           // under which the node carries its epoch
	UseKey     string           // under which it carries when it was in use; empty: that is not noted
	ProbeEvery time.Duration    // zero: 250ms
	ProbeMax   time.Duration    // longest time between probes of a node that is down; zero: 1s
	Also       []string         // keys that every probe reads, too
	OnLook     OnLook           // called by the prober, which waits for it, after every probe that ended well; nil: nobody cares
	Prober     Client           // a way to the server that probes have for themselves; nil: that of all
	Servers    *Servers         // of the list that the node is in; nil: it is alone
	Log        *journal.Journal // nil: none
	Random     *random.Source   // of the prober; nil: the runtime's
}

// OnLook is told what a probe has read, and when that began: a process that stands still reads long after the server has answered.
type OnLook func(n *Node, also map[string]Item, began time.Time)

// Node is one memcached server. It is safe for concurrent use.
//
// A node is available or not; while it is not, operations answer ErrDown at once. It becomes unavailable on evidence about
// the node: a connection that is refused or reset, or a probe that runs out of time. That an operation runs out of time says
// something about the operation first; it has the node probed at once. So a node that stands still costs the requests that
// meet it one timeout each, for no longer than it takes a probe to end, and later ones nothing.
//
// What it has is trusted again as soon as a probe finds it with the epoch that it had: it has lost nothing. Who had to do
// without it remembers what became stale there, see package replica. Only if that is not known, the epoch is replaced.
type Node struct {
	id, address string
	client      Client
	options     Options
	probed      []string // keys that a probe reads: that of the epoch first
	state       atomic.Pointer[state]
	wake        chan struct{}

	looks    atomic.Uint64 // probes that have ended
	timeouts atomic.Uint64 // operations that have run out of time
	cleared  atomic.Uint64 // so many of them, when a probe began that has ended
	used     atomic.Int64  // Unix time at which it was in use, as last read from it; 0: it is not known
	began    atomic.Int64  // Unix time in microseconds at which it came into use, the same
	doubted  atomic.Int64  // until when, Unix nanoseconds, what it has may be stale

	tooLarge atomic.Pointer[refusedSize] // the least that was; nil: nothing

	mu        sync.Mutex // guards changes of state
	events    uint64     // how often it has failed, was to be replaced, or an operation has read another epoch
	past      epochs     // that it had
	stale     staleness  // its epoch has to be replaced before it is used
	elsewhere time.Time  // until when it is not used, because others reach another server under its id; zero: they do not
	younger   time.Time  // when that one came into use
	told      string     // the reason that the log has for its not being available; empty: it always was, or has not been asked
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
		o.ProbeMax = time.Second
	}
	if o.Prober == nil {
		o.Prober = client
	}
	if o.Log == nil {
		o.Log = journal.Silent()
	}
	n := &Node{id: id, address: address, client: client, options: o, wake: make(chan struct{}, 1), probed: append([]string{o.EpochKey}, o.Also...)}
	if o.UseKey != "" {
		n.probed = append(n.probed, o.UseKey)
	}
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

// Looks is how many probes have ended, however they did.
func (n *Node) Looks() uint64 { return n.looks.Load() }

// Close ends its clients.
func (n *Node) Close() error { return errors.Join(n.client.Close(), n.options.Prober.Close()) }

func (n *Node) fail(why error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events++
	s := n.state.Load()
	if !s.available {
		n.stays(s, why)
		return
	}
	n.state.Store(&state{epoch: s.epoch, since: time.Now(), why: why})
	n.client.GiveUp() // who waits for it need not wait any longer
	n.told = reason(why)
	n.log(slog.LevelWarn, "node is down", "error", why)
	n.probeNow()
}

// probeNow has Run probe within a moment.
func (n *Node) probeNow() {
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
	epoch := before.epoch
	if read, there := items[n.options.EpochKey]; !there {
		epoch = 0
	} else if e, ok := parseEpoch(read.Value); ok { // else it was damaged, and a probe will tell
		epoch = e
	}
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
	return n.judge(ctx, "add", n.sized(item, n.client.Add(ctx, key, item, ttl)))
}

// CompareAndSwap stores a value if the one there is still that whose token the item carries.
func (n *Node) CompareAndSwap(ctx context.Context, key string, item Item, ttl time.Duration) error {
	if !n.Available() {
		return ErrDown
	}
	return n.judge(ctx, "cas", n.sized(item, n.client.CompareAndSwap(ctx, key, item, ttl)))
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

// judge tells a failure of the node from an answer, and from what may be one.
func (n *Node) judge(ctx context.Context, op string, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	if errors.Is(err, ErrLate) {
		n.suspected()
	}
	if answer(err) {
		return err
	}
	gaveUp := errors.Is(err, errGivenUp)
	err = fmt.Errorf("%s: %w", op, err)
	switch {
	case gaveUp: // the reason is known
	case timedOut(err):
		n.suspected()
	default:
		n.fail(err)
	}
	return err
}

// OutOfTime reports whether a failure may be that of this process, which did not run, rather than that of the node; or that of
// another operation, which ended this one.
func OutOfTime(err error) bool {
	return timedOut(err) || errors.Is(err, ErrLate) || errors.Is(err, errGivenUp)
}

func timedOut(err error) bool {
	var timed interface{ Timeout() bool }
	var dial *memcache.ConnectTimeoutError
	return errors.As(err, &timed) && timed.Timeout() || errors.As(err, &dial)
}

func answer(err error) bool {
	for _, a := range []error{ErrMiss, ErrExists, ErrConflict, ErrTooLarge, ErrFull, ErrRefused, ErrBusy, ErrLate, errKey} {
		if errors.Is(err, a) {
			return true
		}
	}
	return false
}

// learn takes an epoch that was read while the node was in use, unless it has failed since, or a probe was faster.
func (n *Node) learn(epoch uint32, before *state) {
	if epoch == before.epoch {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state.CompareAndSwap(before, &state{available: true, epoch: epoch, since: before.since}) {
		n.events++ // a probe may have read the epoch before
		n.past.becomes(epoch)
	}
}

// Probe looks at the node now: it reads its epoch, gives it one if it has none, as after a restart, and replaces it if
// nobody knows what on the node is stale. Only then the node is available.
func (n *Node) Probe(ctx context.Context) error {
	n.mu.Lock()
	before, stale := n.events, n.stale
	n.mu.Unlock()
	timeouts, began := n.timeouts.Load(), time.Now()
	epoch, also, err := n.probe(ctx, stale)
	if err == nil {
		err = n.options.Servers.enter(n, epoch, func() error { return n.up(epoch, before) })
	}
	defer n.looked(timeouts)
	switch {
	case err == nil:
		if n.options.OnLook != nil {
			n.options.OnLook(n, also, began)
		}
	case !answer(err) && !errors.Is(err, errFailed) && ctx.Err() == nil:
		why := fmt.Errorf("probe: %w", err)
		n.fail(why)
		n.tell(why)
	}
	return err
}

func (n *Node) probe(ctx context.Context, stale staleness) (epoch uint32, also map[string]Item, err error) {
	also, err = n.options.Prober.GetMulti(ctx, n.probed...)
	if err != nil {
		return 0, nil, err
	}
	item, there := also[n.options.EpochKey]
	delete(also, n.options.EpochKey)
	mark := n.readMark(also)
	if !there {
		item, err = n.first(ctx)
		stale = staleness{} // what it has from before is of another epoch
	}
	if err == nil {
		epoch, item, err = n.readEpoch(ctx, item)
	}
	switch {
	case err != nil:
		return 0, nil, err
	case item.Token == 0:
		return 0, nil, errNoCAS
	case epoch != 0 && !stale.of(epoch) && !n.missedUse():
		n.markUse(ctx, mark)
		return epoch, also, nil
	}
	if err := n.options.Servers.may(n, epoch); err != nil {
		return 0, nil, err
	}
	fresh := n.options.Random.Uint32()
	return fresh, also, n.options.Prober.CompareAndSwap(ctx, n.options.EpochKey, Item{Value: formatEpoch(fresh), Token: item.Token}, 0)
}

// first gives a server without epoch one, and reads what it has then: another instance may be faster, and only what is read tells
// whether there is CAS.
func (n *Node) first(ctx context.Context) (Item, error) {
	err := n.options.Prober.Add(ctx, n.options.EpochKey, Item{Value: formatEpoch(n.options.Random.Uint32())}, 0)
	if err != nil && !errors.Is(err, ErrExists) {
		return Item{}, err
	}
	return n.options.Prober.Get(ctx, n.options.EpochKey)
}

var errFailed = errors.New("the node failed during the probe")

// up makes the node available, unless it has failed since the probe began, or is to be replaced: then another probe has to tell.
func (n *Node) up(epoch uint32, before uint64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.events != before {
		return errFailed
	}
	if err := n.misplaced(); err != nil {
		return err
	}
	n.stale = staleness{}
	was, now := n.state.Load(), time.Now()
	if was.epoch != epoch {
		n.past.becomes(epoch)
	}
	if n.past.several {
		return errSeveral
	}
	is := &state{available: true, epoch: epoch, since: was.since}
	if !was.available {
		is.since = now
		if was.epoch != 0 {
			n.returns()
		}
		n.log(slog.LevelInfo, "node is up")
	} else if was.epoch != epoch {
		n.log(slog.LevelInfo, "node has a new epoch: it was restarted, or another instance does not know what on it is stale")
	}
	n.state.Store(is)
	return nil
}

// probeSoon is within how long a node is probed that has failed. Not sooner, because others meet the same failure in the same
// moment, and each time another probe would be needed.
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
		if !errors.Is(err, errFailed) && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrExists) {
			break
		}
	}
	return min(2*wait, n.options.ProbeMax)
}

// jitter keeps instances from probing in step.
func (n *Node) jitter(d time.Duration) time.Duration { return d*4/5 + n.options.Random.Wait(d*2/5+1) }
